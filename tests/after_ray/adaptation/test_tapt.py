from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt, multiplier
from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import CollapsedAdaptation, DivergedTraining, TooFewUtterances
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
SHORT = TaptSettings(steps=4, batch_seconds=4, warmup_steps=0, negatives=10, learning_rate=1e-3)
ROWS = np.arange(16)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(backbone: BackboneSettings, audio: Ragged, seed: int = 0, **changes: object) -> Adapted:
    settings = SHORT.model_copy(update=changes)
    return adapt(settings, backbone, audio, ROWS, SeedTree(seed), "cpu")


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0), (50, 0.5), (100, 1), (600, 1), (1_100, 1), (2_000, 0.95238), (10_550, 0.5), (20_000, 0)],
)
def test_the_schedule_has_the_published_multipliers(step: int, share: float) -> None:
    assert multiplier(step, TaptSettings()) == pytest.approx(share, abs=1e-5)


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
    assert measures["gradient_norm"] > 0


def test_adaptation_learns_to_fill_in_masked_frames(tiny: Tiny, sound: Ragged) -> None:
    history = run(tiny("layer"), sound, steps=150, learning_rate=2e-3).history
    first, last = (np.mean([p["reconstruction"] for p in part]) for part in (history[:3], history[-5:]))
    assert last < first - 0.3


def test_clips_of_a_batch_are_cropped_to_the_shortest_and_loud_samples_do_not_wrap(
    tiny: Tiny, make_ragged: Callable[[Sequence[NDArray[np.int16]]], Ragged], monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.adaptation import tapt

    shapes, peaks = [], []
    original = tapt._masked

    def spy(settings: object, network: object, waves: NDArray[np.float32], generator: object) -> object:
        shapes.append(waves.shape)
        peaks.append(float(np.abs(waves).max()))
        return original(settings, network, waves, generator)  # type: ignore[arg-type]

    monkeypatch.setattr(tapt, "_masked", spy)
    audio = make_ragged([np.full(n, -32768, dtype=np.int16) for n in (6_000, 6_400, 16_000, 40_000)])
    settings = SHORT.model_copy(update={"batch_seconds": 60.0, "max_seconds": 2.0, "steps": 3})
    adapt(settings, tiny("layer"), audio, np.arange(4), SeedTree(0), "cpu")
    assert sorted(shapes) == [(1, 16_000), (1, 32_000), (2, 6_000)]
    assert peaks == [1.0, 1.0, 1.0]


def test_clips_too_short_to_mask_are_left_out(
    tiny: Tiny, make_ragged: Callable[[Sequence[NDArray[np.int16]]], Ragged]
) -> None:
    short = make_ragged([np.ones(600, dtype=np.int16)] * 3)
    with pytest.raises(TooFewUtterances, match="4 frames or more: 0 utterances"):
        adapt(SHORT, tiny(), short, np.arange(3), SeedTree(0), "cpu")


def test_a_diverging_adaptation_stops_with_a_sentence(tiny: Tiny, sound: Ragged) -> None:
    with pytest.raises(DivergedTraining, match="adaptation loss is nan at update"):
        run(tiny(), sound, learning_rate=1e30, steps=10)


def test_a_collapsed_codebook_stops_with_a_sentence(
    tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.adaptation import tapt

    def collapsed(settings: BackboneSettings) -> object:
        model = original(settings)
        with torch.no_grad():
            model.quantizer.weight_proj.weight.zero_()
            model.quantizer.weight_proj.bias.zero_()
            model.quantizer.weight_proj.bias[[3, 20]] = 50
        return model

    original = tapt.build_for_adaptation
    monkeypatch.setattr(tapt, "build_for_adaptation", collapsed)
    with pytest.raises(CollapsedAdaptation, match=r"perplexity 2\.000 at step 1, the minimum being 2"):
        run(tiny(), sound)
