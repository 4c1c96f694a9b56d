from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.adaptation._batches import Batches
from after_ray.adaptation._quantizer import QuantizerObjective
from after_ray.adaptation._training import multiplier
from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.loading import arrays, build, build_for_adaptation
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import NoQuantizer, TooFewUtterances
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
SHORT = TaptSettings(steps=4, batch_seconds=4, warmup_steps=0, negatives=10, learning_rate=1e-3)
ROWS = np.arange(16)
TERMS = ("total", "contrastive", "reconstruction", "diversity", "perplexity", "information")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(backbone: BackboneSettings, audio: Ragged, seed: int = 0, **changes: object) -> Adapted:
    settings = SHORT.model_copy(update=changes)
    return adapt(settings, backbone, audio, ROWS, SeedTree(seed), "cpu")


def test_a_short_adaptation_still_reaches_its_rate() -> None:
    assert max(multiplier(step, TaptSettings(steps=60)) for step in range(60)) == 1
    assert multiplier(0, TaptSettings(steps=1)) == 1


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_adaptation_changes_the_whole_backbone_and_gives_it_back_by_name(
    tiny: Tiny, sound: Ragged, norm: str
) -> None:
    adapted, before = run(tiny(norm), sound), arrays(build(tiny(norm)))
    after = arrays(build(tiny(norm), adapted.weights))
    unchanged = [name for name in before if np.array_equal(before[name], after[name])]
    assert unchanged == []


def test_a_frozen_front_end_stays_as_it_was(tiny: Tiny, sound: Ragged) -> None:
    adapted, before = run(tiny(), sound, train_front_end=False), arrays(build(tiny()))
    for name, value in before.items():
        same = np.array_equal(value, adapted.weights[name])
        assert same == name.startswith("feature_extractor."), name


def test_only_the_given_rows_are_read(tiny: Tiny, sound: Ragged) -> None:
    read: set[int] = set()

    class Watched(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            read.add(int(row))
            return super().__getitem__(row)

    rows = np.array([9, 3, 5, 20])
    adapt(SHORT, tiny(), Watched(sound.values, sound.offsets), rows, SeedTree(0), "cpu")
    assert read == set(rows.tolist())


def test_equal_seeds_give_equal_bits_whatever_the_order_of_rows(
    tiny: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged]
) -> None:
    backbone = tiny(hidden_dropout=0.1, layerdrop=0.1)
    sound = make_ragged([sound[row][:4_800] for row in range(len(sound))])  # no order by length
    first = run(backbone, sound)
    again = adapt(SHORT, backbone, sound, ROWS[::-1].copy(), SeedTree(0), "cpu")
    other = run(backbone, sound, seed=1)
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert first.history == again.history
    assert first.history != other.history


def test_no_global_generator_moves(tiny: Tiny, sound: Ragged) -> None:
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    run(tiny(), sound)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_measures_and_history_tell_how_it_went(tiny: Tiny, sound: Ragged) -> None:
    seen: list[tuple[int, int]] = []
    adapted = adapt(
        SHORT.model_copy(update={"steps": 120}),
        tiny(),
        sound,
        ROWS,
        SeedTree(0),
        "cpu",
        lambda done, total, _: seen.append((done, total)),
    )
    assert [point["step"] for point in adapted.history] == list(range(3, 121, 3))
    assert seen == [(step, 120) for step in range(3, 121, 3)]
    measures = adapted.measures
    assert measures["steps"] == 120
    assert 0 < measures["audio_seconds"] <= 120 * SHORT.batch_seconds
    assert measures["total"] == pytest.approx(
        measures["contrastive"] + measures["reconstruction"] + 0.1 * measures["diversity"], rel=1e-5
    )
    assert 2 < measures["perplexity"] <= 32
    assert 0.05 < measures["information"] < 2 * np.log(16)
    assert 0 < measures["gradient_norm"] < measures["gradient_norm_max"]
    assert 0.1 < measures["masked_share"] < 0.5
    assert measures["masked_frames"] == pytest.approx(50 * 0.25 * measures["audio_seconds"], rel=0.5)
    assert measures["skipped_steps"] == 0
    assert {*adapted.history[0], *TERMS} == {*adapted.history[0]}


def test_adaptation_learns_to_fill_in_masked_frames(tiny: Tiny, sound: Ragged) -> None:
    history = run(tiny("layer"), sound, steps=150, learning_rate=2e-3).history
    first, last = (np.mean([p["reconstruction"] for p in part]) for part in (history[:3], history[-5:]))
    assert last < first - 0.3


def test_clips_of_a_batch_are_cropped_to_the_shortest_and_loud_samples_do_not_wrap(
    tiny: Tiny, make_ragged: Callable[[Sequence[NDArray[np.int16]]], Ragged]
) -> None:
    audio = make_ragged([np.full(n, -32768, dtype=np.int16) for n in (6_000, 6_400, 16_000, 40_000)])
    settings = SHORT.model_copy(update={"batch_seconds": 60.0, "max_seconds": 2.0})
    objective = QuantizerObjective(build_for_adaptation(tiny()), settings, torch.Generator())
    batches = Batches(objective, audio, np.arange(4), SeedTree(0), "cpu").after(None)
    epoch = [prepared.batch.waves for prepared in itertools.islice(batches, 3)]
    assert sorted(waves.shape for waves in epoch) == [(1, 16_000), (1, 32_000), (2, 6_000)]
    assert {float(waves.abs().max()) for waves in epoch} == {1.0}


def test_batches_go_on_from_any_place_with_the_same_draws(tiny: Tiny, sound: Ragged) -> None:
    objective = QuantizerObjective(build_for_adaptation(tiny()), SHORT, torch.Generator())
    batches = Batches(objective, sound, ROWS, SeedTree(0), "cpu")
    straight = list(itertools.islice(batches.after(None), 9))
    epochs = [prepared.place.epoch for prepared in straight]
    assert len(set(epochs)) > 1, "nine batches are more than an epoch"
    for done, prepared in enumerate(straight[:-1], start=1):
        further = next(batches.after(prepared.place))
        for name in ("waves", "mask", "masked", "targets"):
            assert torch.equal(getattr(further.batch, name), getattr(straight[done].batch, name))
        assert further.place == straight[done].place


def test_nothing_is_prepared_after_the_end(tiny: Tiny, sound: Ragged) -> None:
    """A thread prepares ahead; when an adaptation returns or fails, it reads no audio any more."""
    reading = threading.Event()

    class Slow(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            reading.set()
            time.sleep(0.002)
            reading.clear()
            return super().__getitem__(row)

    for steps in (1, 3):
        adapt(
            SHORT.model_copy(update={"steps": steps}),
            tiny(),
            Slow(sound.values, sound.offsets),
            ROWS,
            SeedTree(0),
            "cpu",
        )
        assert not reading.is_set()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_a_reading_that_fails_ahead_stops_the_adaptation(tiny: Tiny, sound: Ragged) -> None:
    class Closed(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            raise PermissionError(f"row {row} is closed")

    with pytest.raises(PermissionError, match="is closed"):
        adapt(SHORT, tiny(), Closed(sound.values, sound.offsets), ROWS, SeedTree(0), "cpu")


@pytest.mark.parametrize("family", ["hubert", "wavlm"])
def test_a_backbone_without_a_quantiser_has_no_contrastive_objective(
    tiny: Tiny, sound: Ragged, family: str
) -> None:
    with pytest.raises(NoQuantizer, match="has no quantiser"):
        run(tiny(model_type=family), sound, objective="quantizer")


def test_clips_too_short_to_mask_are_left_out(
    tiny: Tiny, make_ragged: Callable[[Sequence[NDArray[np.int16]]], Ragged]
) -> None:
    short = make_ragged([np.ones(600, dtype=np.int16)] * 3)
    with pytest.raises(TooFewUtterances, match="4 frames or more: 0 utterances"):
        adapt(SHORT, tiny(), short, np.arange(3), SeedTree(0), "cpu")


def test_every_negative_can_be_taken(tiny: Tiny, sound: Ragged) -> None:
    adapted, sampled = run(tiny(), sound, negatives="all"), run(tiny(), sound)
    assert adapted.history != sampled.history
    assert adapted.measures["contrastive"] > 0


def test_every_update_is_made_at_the_rate_of_the_schedule(
    tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, *arguments: object) -> object:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    run(tiny(), sound, steps=20, warmup_steps=2)
    settings = SHORT.model_copy(update={"steps": 20, "warmup_steps": 2})
    assert rates == [settings.learning_rate * multiplier(number, settings) for number in range(20)]
    assert rates[0] == 0
    assert len(set(rates)) > 10
