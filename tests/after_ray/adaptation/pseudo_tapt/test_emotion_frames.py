"""The network that learns emotions before a Pseudo-TAPT: its heads, its loss, its crops, what it hears."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from after_ray.adaptation.pseudo_tapt._emotion_frames import (
    EmotionTraining,
    emotion_losses,
    layer_frames,
    rate_share,
)
from after_ray.adaptation.pseudo_tapt._emotion_network import (
    BLOCKS,
    KERNEL,
    EmotionLogits,
    EmotionNetwork,
)
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones.loading import build, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.errors import BadValue, DivergedTraining, TooFewUtterances
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint

Tiny = Callable[..., BackboneSettings]
ROWS = np.arange(16)
SETTINGS = PseudoTaptSettings(frame_width=16, frame_steps=60, frame_batch=8, frame_learning_rate=3e-3)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def network(width: int = 24, channels: int = 16, classes: int = 3) -> EmotionNetwork:
    return EmotionNetwork(width, channels, classes, torch.Generator().manual_seed(0)).eval()


def training(
    lengths: tuple[int, ...], labels: NDArray[np.int64], longest: int = 500, seed: int = 0, **changes: object
) -> EmotionTraining:
    """On frames of width 24 whose first number tells the class, among noise."""
    generator = np.random.default_rng(1)
    clips = [generator.standard_normal((length, 24)) for length in lengths]
    for clip, label in zip(clips, labels.tolist(), strict=True):
        clip[:, 0] = 3 * label
    heard = Ragged(np.concatenate(clips).astype(np.float16), np.concatenate([[0], np.cumsum(lengths)]))
    settings = SETTINGS.model_copy(update=changes)
    return EmotionTraining(heard, labels, settings, longest, SeedTree(seed), "cpu")


def test_the_heads_are_those_of_the_original() -> None:
    made = EmotionNetwork(768, 512, 4, torch.Generator())
    head = 512 * 128 + 128 + 128 * 4 + 4
    assert sum(weight.numel() for weight in made.of_frames.parameters()) == head
    assert sum(weight.numel() for weight in made.of_clips.parameters()) == head
    lstm = 2 * 4 * 256 * (512 + 256 + 2)
    assert sum(weight.numel() for weight in made.lstm.parameters()) == lstm
    assert isinstance(made.of_frames[1], nn.Tanh)
    context = BLOCKS * (KERNEL * 512 * 512 + 3 * 512)
    everything = sum(weight.numel() for weight in made.parameters())
    assert everything == 768 * 512 + 512 + context + 2 * head + lstm


def test_what_is_said_of_a_clip_is_of_what_is_positive_in_the_mean_of_its_frames() -> None:
    made, given = network(), torch.randn(2, 60, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        overall = made.lstm(made.hear(given))[0].mean(dim=1)
        first, _, last = made.of_clips
        expected = torch.tanh(overall.clamp_min(0) @ first.weight.T + first.bias) @ last.weight.T + last.bias  # type: ignore[operator]
        found = made(given).clips
    assert (overall < 0).any()
    torch.testing.assert_close(found, expected)


def test_a_frame_hears_its_surroundings_and_no_further() -> None:
    made, given = network(), torch.randn(2, 60, 24, generator=torch.Generator().manual_seed(1))
    reach = BLOCKS * (KERNEL // 2)
    with torch.no_grad():
        hidden = made.hear(given)
        changed = given.clone()
        changed[0, 30] += 1
        moved = (made.hear(changed) != hidden).any(dim=2)
        alone = made.hear(given[:1, :40])
    assert moved[0].nonzero().flatten().tolist() == list(range(30 - reach, 30 + reach + 1))
    assert not moved[1].any()
    assert torch.allclose(alone[0, : 40 - reach], hidden[0, : 40 - reach], atol=1e-6)


def test_the_loss_is_that_of_every_frame_and_of_the_clip() -> None:
    generator = torch.Generator().manual_seed(2)
    logits = EmotionLogits(torch.randn(2, 5, 3, generator=generator), torch.randn(2, 3, generator=generator))
    found = emotion_losses(logits, torch.tensor([2, 0]))
    for clip, label in enumerate((2, 0)):
        of_frames = -logits.frames[clip].log_softmax(dim=-1)[:, label].mean()
        of_clip = -logits.clips[clip].log_softmax(dim=-1)[label]
        assert found[clip].item() == pytest.approx((of_frames + of_clip).item(), rel=1e-5)
    nothing = EmotionLogits(torch.zeros(1, 7, 4), torch.zeros(1, 4))
    assert emotion_losses(nothing, torch.tensor([1])).item() == pytest.approx(2 * math.log(4))


def test_classes_weigh_the_same_however_many_clips_they_have() -> None:
    made = training((20,) * 10, np.array([1, 1, 1, 1, 1, 1, 1, 1, 4, 4]))
    losses = made._losses(torch.zeros(10, 20, 24), np.arange(10)).detach()
    logits = made.network(torch.zeros(1, 20, 24))
    plain = [emotion_losses(logits, torch.tensor([label])).item() for label in (0, 1)]
    assert losses.tolist() == pytest.approx(8 * [0.625 * plain[0]] + 2 * [2.5 * plain[1]], rel=1e-5)


def test_the_rate_warms_up_stays_and_falls() -> None:
    shares = [rate_share(step, 200) for step in range(200)]
    assert shares[:3] == [0.0, 0.1, 0.2]
    assert shares[10:21] == [1.0] * 11
    assert shares[110] == pytest.approx(0.5)
    assert shares[199] == pytest.approx(1 / 180)
    assert rate_share(0, 1) == 1.0


def test_crops_are_as_long_as_the_shortest_and_begin_anywhere() -> None:
    made = training((30, 50, 41), np.arange(3))
    generator = np.random.default_rng(0)
    crops = [made._crops(np.array([1, 2]), generator).numpy() for _ in range(30)]
    assert {crop.shape for crop in crops} == {(2, 41, 24)}
    starts = set()
    for crop in crops:
        place = next(index for index in range(41) if crop[0, index].any())  # a frame that is not masked
        columns = crop[0, place] != 0
        same = (made._heard[1][:, columns] == crop[0, place, columns]).all(axis=1)
        starts.add(int(np.flatnonzero(same)[0]) - place)
    assert len(starts) > 3
    assert all(0 <= start <= 9 for start in starts)
    assert made._crops(np.array([0, 1]), generator).shape == (2, 30, 24)
    assert training((30, 50, 41), np.arange(3), longest=12)._crops(np.arange(3), generator).shape[1] == 12


def test_frames_and_numbers_of_all_frames_are_masked() -> None:
    made = training((100, 100), np.array([1, 2]))  # the first number of class 0 is 0 itself
    crop = made._crops(np.arange(2), np.random.default_rng(0)).numpy()
    for clip in crop:
        lost = (clip == 0).all(axis=1)
        assert 15 <= lost.sum() <= 45, "two spans of 15 frames at least"
        columns = (clip[~lost] == 0).all(axis=0)
        assert columns.sum() == 12, "a span of 64 numbers covers no more than half of 24"


def test_of_a_wide_frame_one_span_of_64_numbers_is_masked() -> None:
    """0.05 of 768 numbers are less than a span, of which one there is at least."""
    wide = np.random.default_rng(0).uniform(1, 2, (40 * 60, 768)).astype(np.float16)
    heard = Ragged(wide, np.arange(0, 2_401, 60))
    made = EmotionTraining(heard, np.arange(40) % 2, SETTINGS, 500, SeedTree(0), "cpu")
    crops = made._crops(np.arange(40), np.random.default_rng(0)).numpy()
    masked = [int((clip[~(clip == 0).all(axis=1)] == 0).all(axis=0).sum()) for clip in crops]
    assert masked == [64] * 40


def test_a_tenth_of_the_clips_chooses_the_weights_fifty_times_and_is_never_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = training((20,) * 40, np.arange(40) % 2, frame_steps=100)
    trained: list[int] = []
    validated: list[tuple[int, ...]] = []
    crops, loss = made._crops, made._validation_loss

    def cropping(clips: NDArray[np.int64], draws: np.random.Generator) -> torch.Tensor:
        trained.extend(clips.tolist())
        return crops(clips, draws)

    def validating(clips: NDArray[np.int64]) -> float:
        validated.append(tuple(clips.tolist()))
        return loss(clips)

    monkeypatch.setattr(made, "_crops", cropping)
    monkeypatch.setattr(made, "_validation_loss", validating)
    made.fit(Checkpoint())
    assert len(validated) == 50
    held_out = set(validated[0])
    assert len(held_out) == 4
    assert set(validated) == {validated[0]}
    assert set(trained) == set(range(40)) - held_out


def test_emotions_are_learned_and_hidden_frames_tell_them_apart() -> None:
    labels = np.arange(30) % 3
    made = training(tuple(range(20, 50)), labels, frame_steps=300)
    report = made.fit(Checkpoint())
    assert (report.updates, report.stopped) == (300, "steps")
    assert report.validation_loss < 0.5 * 2 * math.log(3)
    hidden = made.hidden()
    assert hidden.dtype == np.float32
    assert hidden.lengths.tolist() == list(range(20, 50))
    assert hidden.inner == (16,)
    guessed = [
        made.network.of_frames(torch.from_numpy(np.array(hidden[clip]))).argmax(1) for clip in range(30)
    ]
    right = [(guess == label).float().mean().item() for guess, label in zip(guessed, labels, strict=True)]
    assert np.mean(right) > 0.9


def test_equal_seeds_give_equal_bits_and_leave_the_global_generators_alone() -> None:
    before, labels = torch.get_rng_state(), np.arange(12) % 2

    def weights(seed: int) -> dict[str, bytes]:
        made = training((25,) * 12, labels, seed=seed, frame_steps=5)
        made.fit(Checkpoint())
        return {name: value.numpy().tobytes() for name, value in made.network.state_dict().items()}

    first = weights(0)
    torch.rand(1)
    moved = torch.get_rng_state()
    assert weights(0) == first
    assert torch.equal(moved, torch.get_rng_state())
    assert weights(1) != first
    torch.set_rng_state(before)


def test_one_clip_is_refused_and_a_rate_that_is_too_high_ends_with_a_sentence() -> None:
    with pytest.raises(TooFewUtterances, match="learning emotions before an adaptation needs two clips"):
        training((30,), np.array([1])).fit(Checkpoint())
    with pytest.raises(DivergedTraining):
        training((30,) * 4, np.arange(4) % 2, frame_learning_rate=1e30).fit(Checkpoint())


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_frames_are_those_of_the_layer_normalised(tiny: Tiny, sound: Ragged, family: str) -> None:
    model = build(tiny("layer", model_type=family))
    settings = SETTINGS.model_copy(update={"feature_layer": 2})
    rows = np.array([2, 3, 11])
    heard = layer_frames(model, sound, rows, settings, "cpu")
    assert heard.dtype == np.float16
    assert heard.lengths.tolist() == [frames(model.config, len(sound[row])) for row in rows.tolist()]
    for place, row in enumerate(rows.tolist()):
        wave = torch.from_numpy(sound[row].astype(np.float32) / np.float32(32768))[None]
        with torch.no_grad():
            layer = model(wave, output_hidden_states=True).hidden_states[2][0].numpy()
        centred = layer - layer.mean(axis=1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        assert np.allclose(heard[place], expected, atol=5e-3)


def test_a_layer_that_is_not_there_is_refused(tiny: Tiny, sound: Ragged) -> None:
    settings = SETTINGS.model_copy(update={"feature_layer": 3})
    with pytest.raises(BadValue, match=r"adaptation\.feature_layer: 3; allowed: 1 to 2, the layers of this"):
        layer_frames(build(tiny()), sound, ROWS, settings, "cpu")


def test_silence_gives_finite_frames(tiny: Tiny) -> None:
    silence = Ragged(np.zeros(16_000, dtype=np.int16), np.array([0, 8_000, 16_000]))
    heard = layer_frames(build(tiny()), silence, np.arange(2), SETTINGS, "cpu")
    assert np.isfinite(heard.values).all()
    made = EmotionTraining(heard, np.arange(2), SETTINGS, 500, SeedTree(0), "cpu")
    assert math.isfinite(made.fit(Checkpoint()).validation_loss)
    assert np.isfinite(made.hidden().values).all()


@pytest.mark.slow
def test_emotions_of_32_real_clips_are_learned_by_heart(tiny: Tiny, corpora: Path) -> None:
    source = open_source(EmodbSettings(root=str(corpora / "emodb")))
    entries = source.listing().entries
    labels = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    chosen = np.concatenate([np.flatnonzero(labels == label)[:8] for label in range(4)])
    waves = [source.read(entries[row].path).mono() for row in chosen.tolist()]
    lengths = [len(wave) for wave in waves]
    audio = Ragged(
        (32_767 * np.concatenate(waves)).astype(np.int16), np.concatenate([[0], np.cumsum(lengths)])
    )
    heard = layer_frames(build(tiny("layer")), audio, np.arange(32), SETTINGS, "cpu")
    learned = SETTINGS.model_copy(update={"frame_width": 64, "frame_steps": 400, "frame_batch": 16})
    made = EmotionTraining(heard, labels[chosen], learned, 500, SeedTree(0), "cpu")
    made.fit(Checkpoint())
    with torch.no_grad():
        guessed = [made.network(made._whole(clip)).clips.argmax().item() for clip in range(32)]
    assert np.mean(np.array(guessed) == labels[chosen]) > 0.6, "a tenth was held out, the best there taken"
