"""The objective of Pseudo-TAPT: the published numbers of weights, a loss of masked frames alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.adaptation._batches import Batches
from after_ray.adaptation._labels import hop
from after_ray.adaptation._objective import Batch
from after_ray.adaptation.pseudo_tapt import PseudoLabelObjective
from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.backbones._transformers import MODELS
from after_ray.backbones.loading import build, configuration, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import CollapsedAdaptation, LabelsRead
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

Tiny = Callable[..., BackboneSettings]
ROWS = np.arange(16)
CLUSTERS = (4, 6)
SETTINGS = PseudoTaptSettings(steps=4, batch_seconds=4, codebooks=CLUSTERS)
PUBLISHED = (64, 512, 4096)
BASE = BackboneSettings(config={"hidden_size": 768})


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def drawn_labels(
    backbone: BackboneSettings, audio: Ragged, rows: NDArray[np.int64], clusters: tuple[int, ...]
) -> Ragged:
    """Labels of every frame of `rows`, drawn."""
    config = configuration(backbone)
    counts = [frames(config, int(length)) for length in audio.lengths[rows]]
    generator = np.random.default_rng(4)
    values = [generator.integers(count, size=sum(counts)) for count in clusters]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Ragged(np.stack(values, axis=1).astype(np.int16), offsets)


def objective_of(
    backbone: BackboneSettings, audio: Ragged, clusters: tuple[int, ...] = CLUSTERS, **changes: object
) -> PseudoLabelObjective:
    labels = drawn_labels(backbone, audio, ROWS, clusters)
    settings = SETTINGS.model_copy(update=changes)
    generator = torch.Generator().manual_seed(1)
    return PseudoLabelObjective(build(backbone), labels, clusters, settings, generator).eval()


def batch(clusters: tuple[int, ...] = CLUSTERS, seed: int = 0) -> Batch:
    """Two clips of 15 frames, nine frames masked."""
    generator = np.random.default_rng(seed)
    waves = torch.from_numpy((generator.standard_normal((2, 4_800)) / 10).astype(np.float32))
    mask = torch.zeros(2, 15, dtype=torch.bool)
    mask[0, 2:7] = mask[1, 5:9] = True
    targets = np.stack([generator.integers(count, size=30) for count in clusters], axis=1)
    return Batch(waves, mask, mask.flatten().nonzero()[:, 0], torch.from_numpy(targets))


def published(clusters: tuple[int, ...], **changes: object) -> PseudoLabelObjective:
    """The objective on a base model, which is only described."""
    with torch.device("meta"):
        backbone = MODELS["wav2vec2"](configuration(BASE))
    labels = Ragged(np.arange(8, dtype=np.int16)[:, None].repeat(len(clusters), 1), np.array([0, 8]))
    settings = PseudoTaptSettings(**changes)
    return PseudoLabelObjective(backbone, labels, clusters, settings, torch.Generator())


@pytest.mark.parametrize(("clusters", "heads"), [(PUBLISHED, 1_791_296), ((8, *PUBLISHED), 1_990_216)])
def test_heads_have_as_many_weights_as_published(clusters: tuple[int, ...], heads: int) -> None:
    objective = published(clusters)
    assert sum(weight.numel() for weight in objective.codebooks.parameters()) == heads


def test_the_encoder_and_the_heads_are_trained_and_nothing_before_them() -> None:
    objective = published(PUBLISHED)
    trained = {name for name, weight in objective.named_parameters() if weight.requires_grad}
    assert {name.split(".")[1] for name in trained if name.startswith("backbone.")} == {"encoder"}
    assert sum(weight.numel() for weight in objective.parameters() if weight.requires_grad) == 91_566_784
    everything = published(PUBLISHED, train_front_end=True)
    assert all(weight.requires_grad for weight in everything.parameters())


def test_logits_that_say_nothing_cost_the_sum_of_the_logarithms(tiny: Tiny, sound: Ragged) -> None:
    objective = objective_of(tiny(), sound, PUBLISHED)
    for head in objective.codebooks:
        for weight in head[-1].parameters():  # type: ignore[index,union-attr]
            torch.nn.init.zeros_(weight)
    with torch.no_grad():
        terms = objective(batch(PUBLISHED), "cpu").terms
    assert terms["total"].item() == pytest.approx(18.7150, abs=1e-4)
    assert terms["total"].item() == pytest.approx(math.log(64) + math.log(512) + math.log(4_096), rel=1e-6)
    assert terms["perplexity"].item() == pytest.approx(64, rel=1e-5)


def test_one_cluster_costs_nothing(tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("after_ray.adaptation.pseudo_tapt._pseudo_labels.usage", lambda *_: (1.0, 1.0))
    objective = objective_of(tiny(), sound, (1,))
    with torch.no_grad():
        assert objective(batch((1,)), "cpu").terms["total"].item() == 0.0


def test_the_loss_is_that_of_the_masked_frames_written_out(tiny: Tiny, sound: Ragged) -> None:
    given = batch()
    objective = objective_of(tiny("layer"), sound)

    def told(reduction: str) -> float:
        objective.settings = SETTINGS.model_copy(update={"reduction": reduction})
        with torch.no_grad():
            return float(objective(given, "cpu").terms["total"].item())

    with torch.no_grad():
        context = objective.backbone(given.waves, mask_time_indices=given.mask).last_hidden_state
        expected, hits = 0.0, []
        for index, head in enumerate(objective.codebooks):
            first, _, last = head  # type: ignore[misc]
            hidden = torch.tanh(context.clamp_min(0) @ first.weight.T + first.bias)
            logits = hidden @ last.weight.T + last.bias
            targets = given.targets[:, index].view(2, 15)
            wrong = logits.logsumexp(dim=-1) - logits.gather(2, targets[..., None])[..., 0]
            expected += wrong[given.mask].mean().item()
            hits.append((logits.argmax(dim=-1) == targets)[given.mask].float().mean().item())
        accuracy = objective(given, "cpu").terms["accuracy"].item()
    assert told("mean") == pytest.approx(expected, rel=1e-5)
    assert told("sum") == pytest.approx(9 * expected, rel=1e-5)
    assert accuracy == pytest.approx(np.mean(hits))


def test_labels_of_frames_that_are_not_masked_change_no_bit(tiny: Tiny, sound: Ragged) -> None:
    objective, given = objective_of(tiny(), sound), batch()
    others = given.targets.clone()
    unmasked = ~given.mask.flatten()
    others[unmasked] = (others[unmasked] + 1) % torch.tensor(CLUSTERS)
    masked = given.targets.clone()
    masked[given.masked[0]] = (masked[given.masked[0]] + 1) % torch.tensor(CLUSTERS)

    def loss(targets: Tensor) -> Tensor:
        with torch.no_grad():
            changed = Batch(given.waves, given.mask, given.masked, targets)
            return objective(changed, "cpu").terms["total"]

    assert not torch.equal(others, given.targets)
    assert torch.equal(loss(others), loss(given.targets))
    assert not torch.equal(loss(masked), loss(given.targets))


def test_targets_are_the_labels_of_the_frames_in_the_crop(tiny: Tiny) -> None:
    generator = np.random.default_rng(3)
    lengths = (20_000, 21_111, 23_999, 17_500)
    waves = [(3_000 * generator.standard_normal(length)).astype(np.int16) for length in lengths]
    audio = Ragged(np.concatenate(waves), np.concatenate([[0], np.cumsum(lengths)]))
    backbone, rows = tiny("layer"), np.array([0, 1, 3])
    labels = drawn_labels(backbone, audio, rows, (500, 900))
    settings = SETTINGS.model_copy(update={"batch_seconds": 60.0})
    objective = PseudoLabelObjective(build(backbone), labels, (500, 900), settings, torch.Generator())
    step, moved = hop(objective.backbone.config), 0
    for prepared in itertools.islice(Batches(objective, audio, rows, SeedTree(1), "cpu").after(None), 4):
        made = prepared.batch
        targets = made.targets.view(*made.mask.shape, 2).numpy()
        for wave, own in zip(made.waves.numpy(), targets, strict=True):
            place, start = _found(waves, rows, wave)
            assert start % step == 0
            moved += start > 0
            whole = objective.labels[place]
            assert np.array_equal(own, whole[start // step : start // step + len(own)])
    assert moved > 0, "no crop began inside a clip"


def _found(
    waves: list[NDArray[np.int16]], rows: NDArray[np.int64], crop: NDArray[np.float32]
) -> tuple[int, int]:
    """The place of a crop's clip among the rows, and its first sample."""
    samples = np.round(crop * 32768).astype(np.int16)
    for place, row in enumerate(rows.tolist()):
        for start in range(len(waves[row]) - len(samples) + 1):
            if np.array_equal(waves[row][start : start + 20], samples[:20]):
                return place, start
    raise AssertionError("a crop of no row")


def test_a_codebook_in_which_one_cluster_has_all_frames_is_refused(tiny: Tiny, sound: Ragged) -> None:
    labels = drawn_labels(tiny(), sound, ROWS, CLUSTERS)
    labels.values[:, 1] = 3
    with pytest.raises(CollapsedAdaptation, match=r"at step 0 .* Choose another adaptation\.feature_layer"):
        PseudoLabelObjective(build(tiny()), labels, CLUSTERS, SETTINGS, torch.Generator())


def test_details_tell_how_each_codebook_is_used(tiny: Tiny, sound: Ragged) -> None:
    details = objective_of(tiny(), sound).details()
    assert details["objective"] == "pseudo_labels"
    assert details["clusters"] == list(CLUSTERS)
    assert details["clusters_used"] == [1.0, 1.0]
    assert details["cluster_perplexity"] == pytest.approx([4, 6], rel=0.02)


def test_it_tells_no_frame_losses(tiny: Tiny, sound: Ragged) -> None:
    nothing = torch.zeros(0)
    with pytest.raises(LabelsRead, match="'pseudo_tapt' are refused: it has read the label of every"):
        objective_of(tiny(), sound).frame_losses(nothing, nothing, nothing, nothing, 0.0)
