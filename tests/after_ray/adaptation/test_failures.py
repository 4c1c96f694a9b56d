"""An adaptation that fails stops with a sentence that names the step and what to change."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from after_ray.adaptation import _journal, tapt
from after_ray.adaptation._batches import Place, Prepared
from after_ray.adaptation._clusters import ClusterObjective
from after_ray.adaptation._journal import Journal
from after_ray.adaptation._objective import Batch, Outcome
from after_ray.adaptation._quantizer import QuantizerObjective
from after_ray.adaptation.objectives import Codes
from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, CollapsedAdaptation, DivergedTraining
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
ROWS = np.arange(16)
SHORT = TaptSettings(batch_seconds=4, warmup_steps=5, negatives=10)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(backbone: BackboneSettings, audio: Ragged, **changes: object) -> Adapted:
    settings = SHORT.model_copy(update=changes)
    return adapt(settings, backbone, audio, ROWS, SeedTree(0), "cpu")


def journal(precision: str = "fp32", steps: int = 100) -> Journal:
    objective = QuantizerObjective.__new__(QuantizerObjective)  # a journal asks for its constants alone
    return Journal(TaptSettings(precision=precision, steps=steps), objective, None)


def write(
    journal: Journal, step: int, total: float = 1.0, norm: float = 2.0, codeword: int | None = None
) -> None:
    """A step of 700 frames that have one codeword in each group; the four take turns, or one is given."""
    terms = {name: torch.tensor(1.0) for name in QuantizerObjective.TERMS} | {"total": torch.tensor(total)}
    empty = torch.zeros(0)
    batch = Batch(waves=empty, mask=empty, masked=torch.zeros(700), targets=empty)
    shares = torch.eye(4)[step % 4 if codeword is None else codeword].expand(2, 4)
    outcome = Outcome(terms, Codes(shares, torch.tensor(0.0)))
    journal.write(step, outcome, torch.tensor(norm), Prepared(batch, Place(0, 1, {}), 1.0, 0.5))


def test_a_diverging_adaptation_stops_with_a_sentence(tiny: Tiny, sound: Ragged) -> None:
    with pytest.raises(
        DivergedTraining, match=r"adaptation loss is nan at update \d+; .* Lower adaptation\."
    ):
        run(tiny(), sound, learning_rate=1e30, steps=10)


def test_the_journal_names_the_first_step_that_is_not_finite_however_late_it_looks() -> None:
    noted = journal(steps=1_000)
    for step in range(1, 14):
        write(noted, step, total=math.nan if step >= 13 else 1.0)
    with pytest.raises(DivergedTraining, match="adaptation loss is nan at update 13"):
        noted.look(13)


def test_the_journal_refuses_an_infinite_gradient_and_an_infinite_loss() -> None:
    with pytest.raises(DivergedTraining, match="gradient norm of the adaptation is inf at update 1"):
        write(journal(steps=1), 1, norm=math.inf)
    with pytest.raises(DivergedTraining, match="the adaptation loss is inf at update 1"):
        write(journal(steps=1), 1, total=math.inf)


def test_the_journal_counts_the_steps_that_fp16_leaves_out_and_stops_at_too_many() -> None:
    noted = journal("fp16", steps=90)
    for step in range(1, 21):
        write(noted, step, norm=math.inf if step > 10 else 2.0)
    write(noted, 21)
    write(noted, 22)
    assert noted.history[-1]["gradient_norm"] == 2.0
    for step in range(23, 23 + _journal.MOST_SKIPPED):
        write(noted, step, norm=math.inf)
    assert noted.state()["seen"]["skipped_steps"] == 10 + _journal.MOST_SKIPPED
    first_too_many = 23 + _journal.MOST_SKIPPED
    write(noted, first_too_many, norm=math.inf)
    with pytest.raises(DivergedTraining, match=f"inf at update {first_too_many}.*bf16 or fp32"):
        noted.look(first_too_many)


def test_the_journal_remembers_how_many_steps_in_a_row_were_left_out_before_a_kill() -> None:
    before, after = journal("fp16"), journal("fp16")
    for step in range(1, _journal.MOST_SKIPPED + 1):
        write(before, step, norm=math.inf)
    after.load(json.loads(json.dumps(before.state(), allow_nan=False)))
    write(after, _journal.MOST_SKIPPED + 1, norm=math.inf)
    with pytest.raises(DivergedTraining, match=f"at update {_journal.MOST_SKIPPED + 1};"):
        after.look(_journal.MOST_SKIPPED + 1)


def test_the_journal_keeps_the_mean_and_the_largest_gradient_norm_of_a_stretch() -> None:
    noted = journal(steps=100)
    write(noted, 1, norm=1.0)
    write(noted, 2, norm=4.0)
    point = noted.history[0]
    assert (point["gradient_norm"], point["gradient_norm_max"], point["masked_share"]) == (2.5, 4.0, 0.5)
    assert noted.measures()["masked_frames"] == 1_400


def test_batches_of_one_code_each_say_something_when_the_codes_differ_from_batch_to_batch() -> None:
    noted = journal(steps=200)  # four steps are a stretch
    for step in range(1, 5):
        write(noted, step)
    assert noted.history[0]["information"] == pytest.approx(2 * math.log(4))
    for step in range(5, 8):
        write(noted, step, codeword=0)
    with pytest.raises(CollapsedAdaptation, match=r"at step 8 the code of a masked frame says 0\.000 nats"):
        write(noted, 8, codeword=0)


def test_few_frames_are_not_judged_before_more_have_come() -> None:
    noted = journal(steps=50)  # every step is a stretch
    write(noted, 1, codeword=2)
    assert noted.history[0]["information"] == pytest.approx(0)
    write(noted, 2, codeword=1)
    write(noted, 3, codeword=2)
    with pytest.raises(CollapsedAdaptation, match="at step 4 "):
        write(noted, 4, codeword=2)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_a_codebook_that_training_collapses_to_one_codeword_stops_it(
    tiny: Tiny, sound: Ragged, norm: str
) -> None:
    collapsed = r"at step \d+ the code of a masked frame says 0\.0\d\d nats .* adaptation\.diversity_weight"
    with pytest.raises(CollapsedAdaptation, match=collapsed) as caught:
        run(tiny(norm), sound, diversity_weight=0.0, learning_rate=0.1, steps=300)
    assert perplexity_in(caught) < 4, "two codewords of 32 are left, one in each group"


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_a_codebook_that_training_fills_at_random_stops_it_too(tiny: Tiny, sound: Ragged, norm: str) -> None:
    with pytest.raises(CollapsedAdaptation) as caught:
        run(tiny(norm), sound, learning_rate=0.03, steps=600)
    assert perplexity_in(caught) > 24, "a perplexity takes it for a full codebook"


@pytest.mark.usefixtures("deafened")
def test_a_network_that_no_longer_listens_stops_its_cluster_prediction(tiny: Tiny, sound: Ragged) -> None:
    changes = {"clusters": 8, "learning_rate": 1e-2, "steps": 600}
    with pytest.raises(CollapsedAdaptation, match=r"at step \d+ .* Lower adaptation\.learning_rate"):
        run(tiny("layer", model_type="hubert"), sound, **changes)


@pytest.mark.parametrize(
    ("step", "information", "most", "collapsed"),
    [(100, 0.004, 0.1, False), (100, 0.004, 0.4, True), (100, 0.02, 0.4, False), (5_000, 0.004, 0.1, True)],
)
def test_predictions_may_say_nothing_before_they_are_learned(
    step: int, information: float, most: float, collapsed: bool
) -> None:
    objective = ClusterObjective.__new__(ClusterObjective)
    assert objective.collapsed(step, information, most) == collapsed


@pytest.mark.slow
def test_healthy_adaptations_are_not_stopped(tiny: Tiny, sound: Ragged) -> None:
    for changes in ({}, {"diversity_weight": 0.0}, {"objective": "clusters", "clusters": 8}):
        adapted = run(tiny("layer"), sound, learning_rate=1e-3, steps=260, **changes)
        assert min(point["information"] for point in adapted.history[40:]) > 0.1


def test_frames_that_all_fall_into_one_cluster_are_refused_before_training(
    tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_cluster(backbone: Any, audio: Ragged, rows: Any, *others: Any) -> Ragged:
        values, offsets = np.zeros(1_000, dtype=np.int16), np.arange(17) * 50
        values[0] = 1
        return Ragged(values, offsets)

    monkeypatch.setattr(tapt, "label_frames", one_cluster)
    with pytest.raises(CollapsedAdaptation, match=r"at step 0 .* Choose another adaptation\.cluster_layer"):
        run(tiny(model_type="hubert"), sound, clusters=8, steps=4)


def test_a_precision_that_the_device_would_only_imitate_is_refused_at_once(tiny: Tiny, sound: Ragged) -> None:
    with pytest.raises(BadValue, match="precision: 'fp16'; allowed: fp32"):
        run(tiny(), sound, precision="fp16", steps=4)


def perplexity_in(caught: pytest.ExceptionInfo[CollapsedAdaptation]) -> float:
    return float(str(caught.value).split("perplexity of the codes: ")[1].split(")")[0])
