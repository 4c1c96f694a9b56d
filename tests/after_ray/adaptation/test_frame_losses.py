"""Frame losses are the adaptation's own at sampled frames, and each utterance's depend on itself alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.adaptation._objective import Batch, Crops, Objective
from after_ray.adaptation.frame_losses import LIMITS, _losses, _sampled, frame_losses, in_stretches
from after_ray.adaptation.settings import FrameLossSettings, TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt, trained_objective
from after_ray.backbones.loading import frames, shortest
from after_ray.backbones.settings import BackboneSettings
from after_ray.environment import fix_threads
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
TAPT = TaptSettings(steps=12, batch_seconds=4, warmup_steps=0, learning_rate=1e-3, clusters=8, negatives=20)
SETTINGS = FrameLossSettings(stretches=16)
ROWS = np.array([2, 3, 5, 8, 13, 21])
KINDS = [("wav2vec2", "group"), ("wav2vec2", "layer"), ("hubert", "group"), ("wavlm", "layer")]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    fix_threads(1)


def adapted(backbone: BackboneSettings, audio: Ragged, rows: NDArray[np.int64] = ROWS) -> Adapted:
    return adapt(TAPT, backbone, audio, rows, SeedTree(0), "cpu")


def objective_of(backbone: BackboneSettings, audio: Ragged, rows: NDArray[np.int64] = ROWS) -> Objective:
    made = adapted(backbone, audio, rows)
    return trained_objective(TAPT, backbone, made.weights, made.heads)


def names(rows: NDArray[np.int64]) -> list[str]:
    return [f"utterance {row}" for row in rows]


def losses_of(
    objective: Objective, audio: Ragged, rows: NDArray[np.int64] = ROWS, **changes: object
) -> NDArray[np.float32]:
    settings = SETTINGS.model_copy(update=changes)
    return frame_losses(objective, settings, audio, rows, names(rows), "cpu")


@pytest.mark.parametrize(("family", "norm"), KINDS)
def test_they_are_the_term_that_the_adaptation_had(tiny: Tiny, sound: Ragged, family: str, norm: str) -> None:
    """The mean over an utterance's masked frames is what the whole objective says of it, alone in a batch."""
    objective = objective_of(tiny(norm, model_type=family), sound)
    quantised = family == "wav2vec2"
    term = "contrastive" if quantised else "prediction"
    weight = 0.5 if quantised and norm == "layer" else 0.0
    settings = SETTINGS.model_copy(update={"reconstruction_weight": weight})
    sampled = list(_sampled(objective, SETTINGS, sound, ROWS, names(ROWS)))
    found = list(_losses(objective, settings, sampled, sound, "cpu"))
    for one, losses in zip(sampled, found, strict=True):
        mask = np.zeros((1, one.length), dtype=bool)
        mask[0, one.masked] = True
        wave = torch.from_numpy(sound[one.row].astype(np.float32) / 32768)
        tensors = map(torch.from_numpy, (mask, one.masked, one.targets))
        with torch.no_grad():
            terms = objective(Batch(wave[None], *tensors), "cpu").terms
        expected = terms[term] + weight * terms["reconstruction"] if weight else terms[term]
        assert losses.mean() == pytest.approx(expected.item(), abs=1e-4)
        assert len(losses) >= 2


@pytest.mark.parametrize(("family", "norm"), KINDS)
def test_no_utterance_hears_its_neighbours(
    tiny: Tiny, sound: Ragged, family: str, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = objective_of(tiny(norm, model_type=family), sound)
    together = losses_of(objective, sound)
    assert len(list(_sampled(objective, SETTINGS, sound, ROWS, names(ROWS)))) == len(ROWS)
    monkeypatch.setitem(LIMITS, "cpu", (1, 0))  # a pass for each
    alone = losses_of(objective, sound)
    assert np.abs(together - alone).max() < 1e-4
    assert (alone > 0).sum() > len(ROWS)


def test_what_is_masked_depends_on_seed_and_id_alone(tiny: Tiny, sound: Ragged) -> None:
    objective = trained_objective(TAPT, tiny(), None, {})
    whole = losses_of(objective, sound)
    part = losses_of(objective, sound, ROWS[[1, 4]])
    assert part == pytest.approx(whole[[1, 4]], abs=1e-4)
    assert np.array_equal(losses_of(objective, sound), whole), "nothing is drawn from a generator that moved"
    assert not np.array_equal(losses_of(objective, sound, seed=1) > 0, whole > 0)
    other = frame_losses(objective, SETTINGS, sound, ROWS[:1], ["another id"], "cpu")
    assert not np.array_equal(other > 0, whole[:1] > 0)


def test_about_the_share_of_frames_is_masked_that_was_asked_for(tiny: Tiny, sound: Ragged) -> None:
    objective = trained_objective(TAPT, tiny(), None, {})
    long = Ragged(np.tile(sound.values, 10), np.arange(0, 60 * 32_000, 32_000))
    rows = np.arange(len(long))
    for share in (0.15, 0.3):
        settings = SETTINGS.model_copy(update={"mask_share": share})
        sampled = list(_sampled(objective, settings, long, rows, names(rows)))
        found = np.mean([len(one.masked) / one.length for one in sampled])
        assert found == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert"])
def test_short_utterances_have_zeros_and_leave_the_others_alone(
    tiny: Tiny, sound: Ragged, family: str
) -> None:
    """Fewer than four frames cannot be masked; an empty clip and one of a single sample are such."""
    backbone = tiny("layer", model_type=family)
    lengths = [0, 1, 200, 1_100]
    clips = [sound[row] for row in ROWS]
    mixed = [clips[0], *(sound[0][:length] for length in lengths), *clips[1:]]
    audio = Ragged(np.concatenate(mixed), np.concatenate([[0], np.cumsum([len(one) for one in mixed])]))
    rows = np.arange(len(mixed))
    objective = objective_of(backbone, audio, rows)
    found = losses_of(objective, audio, rows)
    assert lengths[1] < shortest(objective.backbone.config) < lengths[2]
    assert [frames(objective.backbone.config, length) for length in lengths] == [1, 1, 1, 3]
    assert (found[1:5] == 0).all()
    assert (np.delete(found, range(1, 5), axis=0).max(axis=1) > 0).all()
    with torch.no_grad():
        sampled = [one for one in _sampled(objective, SETTINGS, audio, rows, names(rows)) if one.row == 7]
    if family == "hubert":  # whose clusters are found by place among the utterances that are long enough
        labels = objective.draw(np.ones((1, 5), dtype=bool), Crops(np.array([3]), np.array([0])), None)  # type: ignore[arg-type]
        assert np.array_equal(sampled[0].targets[:5], labels)


def test_only_the_first_seconds_are_heard(tiny: Tiny, sound: Ragged) -> None:
    objective = trained_objective(TAPT, tiny(), None, {})
    changed = sound.values.copy()
    for row in ROWS:
        changed[sound.offsets[row] + 4_000 : sound.offsets[row + 1]] = 17
    other = Ragged(changed, sound.offsets)
    assert np.array_equal(
        losses_of(objective, sound, max_seconds=0.25), losses_of(objective, other, max_seconds=0.25)
    )
    assert not np.array_equal(losses_of(objective, sound), losses_of(objective, other))


def test_no_other_row_is_read_and_no_global_generator_moves(tiny: Tiny, sound: Ragged) -> None:
    objective = trained_objective(TAPT, tiny(), None, {})
    read: set[int] = set()

    class Watched(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            read.add(int(row))
            return super().__getitem__(row)

    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    losses_of(objective, Watched(sound.values, sound.offsets))
    assert read == set(ROWS.tolist())
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_adaptation_makes_its_own_clips_less_surprising(tiny: Tiny, sound: Ragged) -> None:
    backbone = tiny("layer", model_type="hubert")
    settings = TAPT.model_copy(update={"steps": 100})
    made = adapt(settings, backbone, sound, ROWS, SeedTree(0), "cpu")
    after = losses_of(trained_objective(settings, backbone, made.weights, made.heads), sound)
    before = losses_of(trained_objective(settings, backbone, None, made.heads), sound)
    assert after[after > 0].mean() < 0.9 * before[before > 0].mean()


def test_heads_come_back_as_they_were(tiny: Tiny, sound: Ragged) -> None:
    for family in ("wav2vec2", "wavlm"):
        backbone = tiny(model_type=family)
        made = adapted(backbone, sound)
        again = trained_objective(TAPT, backbone, made.weights, made.heads)
        heads = again.heads()
        assert heads.keys() == made.heads.keys()
        assert all(np.array_equal(heads[name], made.heads[name]) for name in heads)
        assert not any(name.startswith("backbone") for name in heads)
        assert not again.training


def test_stretches_are_equal_parts_and_empty_ones_are_0() -> None:
    losses, masked = np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 1, 6, 11])
    assert in_stretches(losses, masked, 12, 4).tolist() == [2.0, 0.0, 5.0, 7.0]
    assert in_stretches(losses[:2], masked[:2], 2, 4).tolist() == [1.0, 0.0, 3.0, 0.0]
    assert in_stretches(losses, masked, 12, 1).tolist() == [4.0]


@pytest.mark.gpu
@pytest.mark.parametrize(("family", "norm"), KINDS)
def test_a_gpu_is_surprised_by_what_surprises_a_processor(
    tiny: Tiny, sound: Ragged, family: str, norm: str
) -> None:
    objective = objective_of(tiny(norm, model_type=family), sound)
    here = losses_of(objective, sound)
    there = frame_losses(objective, SETTINGS, sound, ROWS, names(ROWS), "cuda")
    assert np.array_equal(there > 0, here > 0)
    assert there == pytest.approx(here, abs=1e-2)
