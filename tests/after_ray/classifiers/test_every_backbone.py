"""The pooled transformer on wav2vec 2.0, HuBERT and WavLM, with both norms of the front end."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.backbones.families import FAMILIES
from after_ray.backbones.loading import build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled
from after_ray.classifiers._pooled_network import PooledNetwork
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged, write_ragged
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings
from after_ray.weights import Weights

Tiny = Callable[..., BackboneSettings]
LENGTHS = torch.tensor([40, 23, 9, 1])
FITTING = FittingSettings(max_epochs=1, min_updates=4, batch_size=8, evaluations_per_epoch=1)
SETTINGS = PooledTransformerSettings(fitting=FITTING)
pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's own masks
every_backbone = pytest.mark.parametrize(
    ("family", "norm"), [(family, norm) for family in FAMILIES for norm in ("group", "layer")]
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def lively(tiny: Tiny, family: str, norm: str) -> BackboneSettings:
    """Weights large enough that attention is far from uniform."""
    return tiny(norm, model_type=family, initializer_range=0.3)


def network(settings: BackboneSettings, **changes: object) -> PooledNetwork:
    chosen = PooledTransformerSettings().model_copy(update=changes)
    return PooledNetwork(build(settings), 3, chosen, torch.Generator().manual_seed(0)).eval()


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@every_backbone
@pytest.mark.parametrize("drop_last_frame", [False, True])
@torch.no_grad()
def test_nothing_depends_on_neighbours_or_padding(
    tiny: Tiny, family: str, norm: str, drop_last_frame: bool
) -> None:
    made = network(lively(tiny, family, norm), drop_last_frame=drop_last_frame)
    features = noise(4, 40, 16)
    for function in (made.pooled, lambda *inputs: made(*inputs).log_softmax(dim=1)):
        together = function(features, LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = function(features[row : row + 1, :length])
            torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=0)
        filled = features.clone()
        for row, length in enumerate(LENGTHS.tolist()):
            filled[row, length:] = 1e3
        assert torch.equal(function(filled, LENGTHS), together)


@every_backbone
@torch.no_grad()
def test_attention_sees_the_whole_utterance(tiny: Tiny, family: str, norm: str) -> None:
    """What invariance must not be bought with: the first frames answer to the last valid one."""
    made = network(lively(tiny, family, norm))
    features = noise(4, 40, 16)
    changed = features.clone()
    changed[1, LENGTHS[1] - 1] *= -1
    before, after = (
        made.encoder(made._projected(x), attention_mask=torch.arange(40) < LENGTHS[:, None])[0]
        for x in (features, changed)
    )
    moved = (before - after).abs().amax(dim=-1)
    assert moved[1, 0] > 1e-3
    assert moved[[0, 2, 3]].max() == 0


@every_backbone
def test_training_reaches_the_encoder(tiny: Tiny, family: str, norm: str) -> None:
    made = network(lively(tiny, family, norm)).train()
    made(noise(4, 40, 16), LENGTHS)[:, 0].sum().backward()
    trained = {name: value for name, value in made.named_parameters() if value.requires_grad}
    assert not any(name.startswith(("projection", "mask_vector")) for name in trained)
    without = [name for name, value in trained.items() if value.grad is None or not value.grad.any()]
    # A bias of all keys alike shifts no softmax, and a layer may have been dropped.
    assert not [name for name in without if "k_proj.bias" not in name and ".layers." not in name]


@every_backbone
def test_cached_features_give_the_logits_of_the_live_path(
    tiny: Tiny, sound: Ragged, tmp_path: Path, family: str, norm: str
) -> None:
    """Stored as float16 and mapped from disk, against the whole model of transformers on the waveform.

    Bound: each stored value is off by at most 2**-11 of itself, independently of the others, so a logit is
    off by a sum with a deviation of at most 2**-11 / sqrt(3) * |gradient * features|. Six of those are
    allowed, and 1e-5 for float32 itself; with unrounded features only the latter.
    """
    backbone = lively(tiny, family, norm)
    waves = [torch.from_numpy(sound[row].astype(np.float32) / 32768)[None] for row in range(len(sound))]
    extractor = FrontEnd(FrontEndFeatures(backbone=backbone), None, "cpu")
    rows = np.arange(len(sound))
    train, validation = Labelled(rows[:16], rows[:16] % 3), Labelled(rows[16:], rows[16:] % 3)
    cached = PooledTransformer.build(
        SETTINGS, ClassifierInputs(store(extractor, waves, tmp_path), 3), backbone
    )
    cached.fit(train, validation, start=None, seeds=SeedTree(0))
    live = Live(backbone, cached.weights())
    unrounded = PooledTransformer.build(SETTINGS, ClassifierInputs(live.features(waves), 3), backbone)
    unrounded.load(cached.weights())
    expected, deviations = map(np.array, zip(*map(live.log_probabilities, waves), strict=True))
    np.testing.assert_allclose(unrounded.log_probabilities(rows), expected, atol=1e-5, rtol=0)
    errors = np.abs(cached.log_probabilities(rows) - expected)
    assert (errors <= 6 * deviations + 1e-5).all()
    assert deviations.max() < 2e-3  # of probabilities of 0.1 to 0.7: the bound says something


class Live:
    """Transformers' own model from the waveform, with the encoder and head of a trained classifier."""

    def __init__(self, backbone: BackboneSettings, weights: Weights) -> None:
        trained = {name: torch.from_numpy(value) for name, value in weights.items()}
        encoder = {n.removeprefix("encoder."): v for n, v in trained.items() if n.startswith("encoder.")}
        self.model = build(backbone)
        self.model.encoder.load_state_dict(encoder)
        self.weight, self.bias = trained["head.weight"], trained["head.bias"]

    @torch.no_grad()
    def features(self, waves: list[Tensor]) -> Ragged:
        """Output of the front end in float32."""
        rows = [self.model.feature_extractor(wave)[0].T.numpy() for wave in waves]
        return Ragged(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))

    def log_probabilities(self, wave: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of one waveform, shape (classes,), and the deviation that 16-bit features give each."""
        kept: list[Tensor] = []

        def keep(module: object, inputs: object, output: Tensor) -> None:
            output.requires_grad_()
            kept.append(output)

        hook = self.model.feature_extractor.requires_grad_(False).register_forward_hook(keep)
        context = self.model(wave).last_hidden_state
        hook.remove()
        scores = (context.relu().mean(dim=1) @ self.weight.T + self.bias).log_softmax(dim=1)[0]
        gradients = [torch.autograd.grad(score, kept[0], retain_graph=True)[0] for score in scores]
        deviations = [2**-11 / math.sqrt(3) * (g * kept[0].detach()).norm().item() for g in gradients]
        return scores.detach().double().numpy(), np.array(deviations)


def store(extractor: FrontEnd, waves: list[Tensor], folder: Path) -> Ragged:
    rows = [extractor.extract(wave[0].numpy()) for wave in waves]
    lengths = np.array([len(row) for row in rows])
    return Ragged.open(*write_ragged(folder, "features", rows, lengths, extractor.dtype, extractor.inner))
