"""Masked prediction of clusters: targets are those of the frames of a crop, and they are learned."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.adaptation._batches import Batches
from after_ray.adaptation._clusters import ClusterObjective
from after_ray.adaptation._labels import FrameEncoder, _drawn, fit_clusters, hop, label_frames
from after_ray.adaptation._objective import Batch
from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.loading import arrays, build, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
MakeRagged = Callable[[Sequence[NDArray[np.generic]]], Ragged]
FAMILIES = ("wav2vec2", "hubert", "wavlm")
ROWS = np.arange(16)
SETTINGS = TaptSettings(
    steps=4, batch_seconds=4, warmup_steps=0, learning_rate=1e-3, objective="clusters", clusters=8
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(backbone: BackboneSettings, audio: Ragged, **changes: object) -> Adapted:
    return adapt(SETTINGS.model_copy(update=changes), backbone, audio, ROWS, SeedTree(0), "cpu")


def labels_of(
    backbone: BackboneSettings, audio: Ragged, rows: NDArray[np.int64] = ROWS, **changes: object
) -> Ragged:
    settings = SETTINGS.model_copy(update=changes)
    return label_frames(build(backbone), audio, rows, settings, SeedTree(0), "cpu")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_every_family_is_adapted_as_a_whole_and_loads_again(
    tiny: Tiny, sound: Ragged, family: str, norm: str
) -> None:
    backbone = tiny(norm, model_type=family)
    adapted, before = run(backbone, sound), arrays(build(backbone))
    after = arrays(build(backbone, adapted.weights))
    unchanged = [name for name in before if np.array_equal(before[name], after[name])]
    assert unchanged == []
    assert adapted.details["objective"] == "clusters"
    assert adapted.details["clusters_used"] == 1.0
    assert 2 < adapted.details["cluster_perplexity"] <= 8
    assert 0 <= adapted.measures["accuracy"] <= 1


def test_backbones_without_a_quantiser_predict_clusters_unasked(tiny: Tiny, sound: Ragged) -> None:
    asked = run(tiny(model_type="hubert"), sound)
    unasked = run(tiny(model_type="hubert"), sound, objective="of_backbone")
    assert asked.history == unasked.history
    quantized = run(tiny(), sound, objective="of_backbone")
    assert quantized.details == {"objective": "quantizer"}


def test_targets_are_the_clusters_of_the_frames_in_the_crop(tiny: Tiny, make_ragged: MakeRagged) -> None:
    """Crops begin on the grid of frames: what a layer-normed front end gives there is in the whole clip."""
    generator = np.random.default_rng(3)
    audio = make_ragged(
        [(3_000 * generator.standard_normal(n)).astype(np.int16) for n in (20_000, 21_111, 23_999, 17_500)]
    )
    backbone = tiny("layer", model_type="hubert")
    model, rows = build(backbone), np.array([0, 1, 3])
    settings = SETTINGS.model_copy(update={"batch_seconds": 60.0})
    objective = ClusterObjective(
        model, labels_of(backbone, audio, rows, clusters=50), settings, torch.Generator()
    )
    moved = 0
    for prepared in itertools.islice(Batches(objective, audio, rows, SeedTree(1), "cpu").after(None), 4):
        batch = prepared.batch
        targets = batch.targets.view(batch.mask.shape)
        with torch.no_grad():
            heard = model.feature_extractor(batch.waves).transpose(1, 2)
        for clip, (wave, own) in enumerate(zip(batch.waves, targets, strict=True)):
            row, start = _found(audio, rows, wave.numpy())
            moved += start > 0
            assert start % hop(model.config) == 0
            first = start // hop(model.config)
            whole = torch.from_numpy(audio[row].astype(np.float32) / np.float32(32768))[None]
            with torch.no_grad():
                expected = model.feature_extractor(whole).transpose(1, 2)[0, first : first + len(own)]
            assert torch.allclose(heard[clip], expected, atol=1e-5)
            place = rows.tolist().index(row)
            assert np.array_equal(own.numpy(), objective.labels[place][first : first + len(own)])
    assert moved > 0, "no crop began inside a clip"


def _found(audio: Ragged, rows: NDArray[np.int64], wave: NDArray[np.float32]) -> tuple[int, int]:
    """Of which row a crop is, and its first sample."""
    samples = np.round(wave * 32768).astype(np.int16)
    for row in rows.tolist():
        for start in range(0, len(audio[row]) - len(samples) + 1):
            if np.array_equal(audio[row][start : start + 20], samples[:20]):
                return row, start
    raise AssertionError("a crop of no row")


def test_the_loss_is_that_of_hubert_written_out(tiny: Tiny, sound: Ragged) -> None:
    backbone = tiny("layer", model_type="hubert")
    labels = labels_of(backbone, sound)
    generator = np.random.default_rng(0)
    waves = torch.from_numpy((generator.standard_normal((2, 4_800)) / 10).astype(np.float32))
    mask = torch.zeros(2, 15, dtype=torch.bool)
    mask[0, 2:7] = mask[1, 5:9] = True
    targets = torch.from_numpy(generator.integers(0, 8, (2, 15)))
    batch = Batch(waves, mask, mask.flatten().nonzero()[:, 0], targets.flatten())

    def terms(**changes: object) -> dict[str, torch.Tensor]:
        settings = SETTINGS.model_copy(update=changes)
        objective = ClusterObjective(build(backbone), labels, settings, torch.Generator().manual_seed(1))
        with torch.no_grad():
            found = objective.eval()(batch, "cpu").terms
            context = objective.backbone(waves, mask_time_indices=mask).last_hidden_state
            projected = objective.projection(context)
            cosine = torch.cosine_similarity(projected[:, :, None], objective.embeddings, dim=-1)
            wrong = -torch.log_softmax(cosine / 0.1, dim=-1).gather(2, targets[..., None])[..., 0]
            assert found["prediction"].item() == pytest.approx(wrong[mask].mean().item(), rel=1e-5)
            assert found["unmasked"].item() == pytest.approx(wrong[~mask].mean().item(), rel=1e-5)
            hits = cosine.argmax(dim=-1) == targets
            assert found["accuracy"].item() == pytest.approx(hits[mask].float().mean().item())
        return found

    plain, weighted = terms(), terms(unmasked_weight=0.5)
    told, left = plain["prediction"].item(), plain["unmasked"].item()
    assert plain["total"].item() == pytest.approx(told)
    assert weighted["total"].item() == pytest.approx(told + 0.5 * left, rel=1e-6)
    total = terms(unmasked_weight=0.5, reduction="sum")["total"].item()
    assert total == pytest.approx(9 * told + 0.5 * 21 * left, rel=1e-6)


def test_clusters_are_learned_from_what_is_around_them(tiny: Tiny, sound: Ragged) -> None:
    history = run(tiny("layer", model_type="hubert"), sound, steps=150, clusters=4).history
    first, last = (np.mean([p["prediction"] for p in part]) for part in (history[:3], history[-5:]))
    assert last < first - 0.3
    assert np.mean([point["accuracy"] for point in history[-5:]]) > 0.5


def test_only_the_given_rows_are_read_and_no_global_generator_moves(tiny: Tiny, sound: Ragged) -> None:
    read: set[int] = set()

    class Watched(Ragged):
        def __getitem__(self, row: int) -> NDArray[np.int16]:
            read.add(int(row))
            return super().__getitem__(row)

    rows = np.array([9, 3, 5, 20])
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    watched = Watched(sound.values, sound.offsets)
    adapt(SETTINGS, tiny(model_type="wavlm"), watched, rows, SeedTree(0), "cpu")
    assert read == set(rows.tolist())
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_equal_seeds_give_equal_bits_whatever_the_order_of_rows(tiny: Tiny, sound: Ragged) -> None:
    backbone = tiny(model_type="hubert", hidden_dropout=0.1)
    first = run(backbone, sound)
    again = adapt(SETTINGS, backbone, sound, ROWS[::-1].copy(), SeedTree(0), "cpu")
    other = adapt(SETTINGS, backbone, sound, ROWS, SeedTree(1), "cpu")
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert first.history == again.history
    assert first.history != other.history


def test_clusters_are_the_nearest_centroids_of_the_layer(tiny: Tiny, sound: Ragged) -> None:
    backbone = tiny("layer", model_type="hubert")
    model = build(backbone)
    labels = labels_of(backbone, sound, cluster_layer=2)
    points = []
    for row in ROWS.tolist():
        wave = torch.from_numpy(sound[row].astype(np.float32) / np.float32(32768))[None]
        with torch.no_grad():
            points.append(model(wave, output_hidden_states=True).hidden_states[2][0].numpy())
    assert [len(labels[row]) for row in ROWS] == [len(found) for found in points]
    together = np.concatenate(points)
    centroids = fit_clusters(together, 8, SeedTree(0).child("k_means"))
    distances = ((together[:, None] - centroids) ** 2).sum(axis=2)
    assert (labels.values == distances.argmin(axis=1)).mean() > 0.99


def test_layers_differ_and_the_middle_one_is_half_way(tiny: Tiny, sound: Ragged) -> None:
    backbone = tiny(model_type="hubert", num_hidden_layers=4)
    middle, second, last = (
        labels_of(backbone, sound, cluster_layer=layer).values for layer in ("middle", 2, 4)
    )
    assert np.array_equal(middle, second)
    assert not np.array_equal(middle, last)


def test_k_means_sees_no_more_frames_than_allowed(
    tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.adaptation import _labels

    seen: list[int] = []
    original = _labels.fit_clusters

    def counting(sample: NDArray[np.float32], *others: object) -> NDArray[np.float32]:
        seen.append(len(sample))
        return original(sample, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(_labels, "fit_clusters", counting)
    everything = labels_of(tiny(model_type="hubert"), sound)
    few = labels_of(tiny(model_type="hubert"), sound, cluster_frames=60)
    assert seen == [len(everything.values), 60]
    assert len(few.values) == len(everything.values)


def test_long_clips_are_encoded_in_pieces_without_losing_a_frame(tiny: Tiny) -> None:
    overlapping = (10, 16, 8)  # kernels of 365 samples in all, 320 apart
    model = build(tiny("layer", model_type="hubert", conv_kernel=overlapping))
    wave = (2_000 * np.random.default_rng(0).standard_normal(33_333)).astype(np.int16)
    pieces = list(FrameEncoder(model, 1, "cpu", 10_000)._pieces(wave))
    assert max(map(len, pieces)) <= 10_000
    assert len(pieces) == 4
    with torch.no_grad():
        cut = [model.feature_extractor(torch.from_numpy(part[None] / 1.0).float()) for part in pieces]
        whole = model.feature_extractor(torch.from_numpy(wave[None] / 1.0).float())
    assert torch.allclose(torch.cat(cut, dim=2), whole, atol=1e-4)
    assert whole.shape[2] == frames(model.config, len(wave))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"cluster_layer": 3},
            r"cluster_layer: 3; allowed: 1 to 2, the layers of this backbone, or 'middle'",
        ),
        ({"clusters": 5_000}, r"clusters: 5000; allowed: at most the \d+ frames that they are fitted on"),
        ({"cluster_frames": 7}, r"clusters: 8; allowed: at most the 7 frames that they are fitted on"),
    ],
)
def test_what_cannot_be_clustered_is_refused(
    tiny: Tiny, sound: Ragged, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadValue, match=sentence):
        run(tiny(model_type="hubert"), sound, **changes)


def test_k_means_frames_are_drawn_from_the_whole_train_part_and_by_the_seed() -> None:
    settings = TaptSettings(cluster_frames=1_000, clusters=10)
    first, other = (_drawn(20_000, settings, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.sum() == other.sum() == 1_000
    assert (first.reshape(20, 1_000).sum(axis=1) > 20).all(), "a twentieth of the frames was hardly asked"
    assert not np.array_equal(first, other)
