"""A Pseudo-TAPT killed in any of its parts goes on to the same bits; its labels are asked for once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.adaptation import _training
from after_ray.adaptation._training import Training
from after_ray.adaptation.pseudo_tapt import _targets
from after_ray.adaptation.pseudo_tapt._emotion_frames import EmotionTraining
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.loading import arrays, build, configuration, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import CollapsedAdaptation, DivergedTraining, MissingLabels
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Oracle
from after_ray.store import Checkpoint

Tiny = Callable[..., BackboneSettings]
ROWS = np.arange(16)
EMOTIONS = np.arange(24) % 2  # low and high
UPDATES, STEPS, CODEBOOKS = 6, 5, (4, 8)
SETTINGS = PseudoTaptSettings(
    steps=STEPS,
    batch_seconds=4,
    warmup_steps=2,
    learning_rate=1e-3,
    codebooks=CODEBOOKS,
    frame_width=16,
    frame_steps=UPDATES,
    frame_batch=8,
    frame_learning_rate=3e-3,
)
LIGHTLY_MASKED = {"codebooks": (4,), "mask_span": 5, "min_spans": 1, "mask_probability": 0.2}
DRAWING = {"layerdrop": 0.2, "hidden_dropout": 0.1, "attention_dropout": 0.1, "feat_proj_dropout": 0.1}
# The last update of a training saves nothing; each codebook does before it is found.
SAVES = (UPDATES - 1) + len(CODEBOOKS) + STEPS


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Case:
    """One adaptation that writes its state whenever it can, and can be killed after so many states."""

    def __init__(self, backbone: BackboneSettings, audio: Ragged, folder: Path) -> None:
        self.backbone = backbone
        self.audio = audio
        self.folder = folder

    def run(self, checkpoint: Checkpoint | None = None, **changes: object) -> Adapted:
        settings = SETTINGS.model_copy(update=changes)
        kept = Checkpoint(self.folder, every=0) if checkpoint is None else checkpoint
        oracle = Oracle(EMOTIONS, ROWS)
        return adapt(settings, self.backbone, self.audio, ROWS, SeedTree(0), "cpu", None, kept, oracle=oracle)

    def undisturbed(self, **changes: object) -> Adapted:
        return self.run(Checkpoint(), **changes)

    def die_after(self, saves: int) -> None:
        save, left = Checkpoint.save, iter(range(saves - 1))

        def saving(checkpoint: Checkpoint, arrays: Any, values: Any) -> None:
            save(checkpoint, arrays, values)
            if next(left, None) is None:
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Checkpoint, "save", saving)
            with pytest.raises(Killed):
                self.run()


@pytest.fixture
def case(tiny: Tiny, sound: Ragged, tmp_path: Path) -> Case:
    torch.set_num_threads(1)
    return Case(tiny(**DRAWING), sound, tmp_path)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each part of the work was done."""
    counts = {"learnings": 0, "clusterings": 0, "updates": 0}

    def count(what: str, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counting(*arguments: Any) -> Any:
            counts[what] += 1
            return original(*arguments)

        monkeypatch.setattr(owner, name, counting)

    count("learnings", EmotionTraining, "fit")
    count("clusterings", _targets, "codebook_labels")
    count("updates", Training, "update")
    return counts


def outcome(adapted: Adapted) -> tuple[object, ...]:
    """Everything that must be equal, weights and labels bit for bit."""
    bits = {
        name: value.tobytes() for held in (adapted.weights, adapted.heads) for name, value in held.items()
    }
    return bits, adapted.history, adapted.measures, adapted.details


def test_the_encoder_is_adapted_and_nothing_before_it(case: Case) -> None:
    adapted, before = case.undisturbed(), arrays(build(case.backbone))
    unchanged = {name for name in before if np.array_equal(before[name], adapted.weights[name])}
    assert {name.split(".")[0] for name in before.keys() - unchanged} == {"encoder"}
    assert not any(name.startswith("encoder.") for name in unchanged)
    assert adapted.details["emotions"].keys() == {"clips", "updates", "validation_loss"}  # type: ignore[attr-defined]
    everything = case.undisturbed(train_front_end=True).weights
    assert [name for name in before if np.array_equal(before[name], everything[name])] == []


def test_every_frame_of_every_row_has_a_label_of_every_codebook(case: Case) -> None:
    heads = case.undisturbed().heads
    labels = Ragged(heads["pseudo_labels/values"], heads["pseudo_labels/offsets"])
    config = configuration(case.backbone)
    assert labels.lengths.tolist() == [frames(config, int(case.audio.lengths[row])) for row in ROWS]
    assert labels.inner == (2,)
    assert labels.values.max(axis=0).tolist() == [3, 7]


def test_codebooks_are_lowered_where_frames_are_few(case: Case) -> None:
    details = case.undisturbed(codebooks=(4, 4_096)).details
    total = sum(frames(configuration(case.backbone), int(case.audio.lengths[row])) for row in ROWS)
    assert details["clusters"] == [4, total // 40]


def test_codebooks_of_one_size_are_found_from_seeds_of_their_own(case: Case) -> None:
    labels = case.undisturbed(codebooks=(4, 4)).heads["pseudo_labels/values"]
    assert not np.array_equal(labels[:, 0], labels[:, 1])


def test_one_killed_after_any_state_goes_on_to_the_same_bits(case: Case, done: dict[str, int]) -> None:
    expected = outcome(case.undisturbed())
    assert done == {"learnings": 1, "clusterings": 2, "updates": STEPS}
    for saves in range(1, SAVES):
        Checkpoint(case.folder).clear()
        case.die_after(saves)
        done.update(dict.fromkeys(done, 0))
        adapted = case.run()
        assert outcome(adapted) == expected, f"killed after state {saves}"
        learned, clustered = saves >= UPDATES, min(max(saves - UPDATES, 0), 2)
        steps = max(saves - (UPDATES - 1) - len(CODEBOOKS), 0)
        assert done == {
            "learnings": int(not learned),
            "clusterings": 2 - clustered,
            "updates": STEPS - steps,
        }, f"killed after state {saves}"
        assert adapted.resumed == 1
        assert adapted.seconds_before > 0


def test_one_killed_in_every_part_says_how_often_and_counts_all_its_time(case: Case) -> None:
    expected = outcome(case.undisturbed())
    seconds = []
    for saves in (2, 2, 3, 2):  # twice in the first training, in the clustering, in the second training
        case.die_after(saves)
        values = Checkpoint(case.folder).load().values  # type: ignore[union-attr]
        inside = values["pseudo_tapt"].get("seconds", 0)
        seconds.append(values.get("seconds", inside + values.get("train_seconds", 0)))
    assert seconds == sorted(seconds)
    adapted = case.run()
    assert outcome(adapted) == expected
    assert adapted.resumed == 4
    assert adapted.seconds_before == seconds[-1]


def test_the_time_of_passing_the_frames_counts_however_often_it_is_done(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = _targets.layer_frames

    def slow(*arguments: Any) -> Ragged:
        time.sleep(0.5)
        return original(*arguments)

    monkeypatch.setattr(_targets, "layer_frames", slow)
    for saves in (2, 2, 3):  # twice in the training of the emotions, then in the clustering
        case.die_after(saves)
    seconds_before = case.run().seconds_before
    assert 1.5 <= seconds_before < 20


def test_writing_states_changes_no_bit_and_no_generator(case: Case) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    plain, writing = case.undisturbed(), case.run()
    assert outcome(plain) == outcome(writing)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002
    assert (writing.resumed, writing.seconds_before) == (0, 0.0)


@pytest.mark.parametrize("saves", [3, UPDATES + 1, SAVES - 1])
@pytest.mark.parametrize("how", ["format", "device"])
def test_a_state_that_does_not_fit_only_costs_time(
    case: Case, saves: int, how: str, done: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcome(case.undisturbed())
    with monkeypatch.context() as patch:
        for module in (_training, _targets):
            if how == "format":
                patch.setattr(module, "FORMAT", 0)
            else:
                patch.setattr(module, "kind_of", lambda device: "cuda")
        case.die_after(saves)
    done.update(dict.fromkeys(done, 0))
    assert outcome(case.run()) == expected
    assert done["clusterings"] == 2
    assert done["updates"] == STEPS


def test_only_the_given_rows_are_read_and_only_their_labels(case: Case) -> None:
    read: set[int] = set()

    class Watched(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            read.add(int(row))
            return super().__getitem__(row)

    rows = np.array([9, 3, 5, 20, 8, 2])
    oracle = Oracle(EMOTIONS, rows)
    watched = Watched(case.audio.values, case.audio.offsets)
    adapt(SETTINGS, case.backbone, watched, rows, SeedTree(0), "cpu", oracle=oracle)
    assert read == set(rows.tolist())
    assert sorted(oracle.revealed.tolist()) == sorted(rows.tolist())


def test_labels_decide_what_is_predicted_and_seeds_do(case: Case) -> None:
    def labels(emotions: NDArray[np.int64], seed: int) -> bytes:
        oracle = Oracle(emotions, ROWS)
        adapted = adapt(SETTINGS, case.backbone, case.audio, ROWS, SeedTree(seed), "cpu", oracle=oracle)
        return adapted.heads["pseudo_labels/values"].tobytes()

    first = labels(EMOTIONS, 0)
    assert labels(EMOTIONS, 0) == first
    assert labels(np.arange(24) // 4 % 2, 0) != first
    assert labels(EMOTIONS, 1) != first


def test_without_an_oracle_nothing_is_adapted(case: Case) -> None:
    with pytest.raises(MissingLabels, match="'pseudo_tapt' needs the labels of train and got no oracle"):
        adapt(SETTINGS, case.backbone, case.audio, ROWS, SeedTree(0), "cpu")


def test_targets_are_learned(case: Case) -> None:
    history = case.undisturbed(**LIGHTLY_MASKED, steps=120).history
    first, last = (np.mean([point["prediction"] for point in part]) for part in (history[:3], history[-5:]))
    assert last < first - 0.3
    assert np.mean([point["accuracy"] for point in history[-5:]]) > 0.5


@pytest.mark.usefixtures("deafened")
def test_a_network_that_no_longer_listens_stops_it(case: Case) -> None:
    with pytest.raises(CollapsedAdaptation, match=r"at step \d+ .* Lower adaptation\.learning_rate"):
        case.undisturbed(**LIGHTLY_MASKED, steps=600)


def test_a_rate_that_is_too_high_ends_with_a_sentence(case: Case) -> None:
    with pytest.raises(DivergedTraining, match=r"Lower adaptation\.learning_rate"):
        case.undisturbed(learning_rate=1e30, warmup_steps=0)
