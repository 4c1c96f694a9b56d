"""`freeze_front_end: false`: the pooled transformer hears waveforms and trains everything (D22)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.families import FAMILIES
from after_ray.backbones.loading import arrays, build, frames, shortest
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled, _backbone_classifier
from after_ray.classifiers._pooled_network import PooledNetwork
from after_ray.classifiers._settings import LightSerNetSettings, PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.initialization._settings import ClusteringSettings
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AdaptationStage, AudioStage, FirstRoundStage
from after_ray.training.settings import FittingSettings
from after_ray.weights import Weights

Tiny = Callable[..., BackboneSettings]
FITTING = FittingSettings(
    max_epochs=1, min_updates=4, batch_size=8, evaluations_per_epoch=1, learning_rate=1e-3
)
UNMASKED = {"mask_time_probability": 0.0, "mask_feature_probability": 0.0}
EVERYTHING = PooledTransformerSettings(
    freeze_front_end=False, freeze_projection=False, fitting=FITTING, **UNMASKED
)
TRAIN = Labelled(np.arange(16), np.arange(16) % 3)
VALIDATION = Labelled(np.arange(16, 24), np.arange(16, 24) % 3)
ALL = np.arange(24)
pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's own masks
every_backbone = pytest.mark.parametrize(
    ("family", "norm"), [(family, norm) for family in FAMILIES for norm in ("group", "layer")]
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def backbone(tiny: Tiny, family: str = "wav2vec2", norm: str = "group") -> BackboneSettings:
    none = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "layerdrop": 0.0}
    return tiny(norm, model_type=family, initializer_range=0.3, **none)


def make(
    settings: BackboneSettings,
    sound: Ragged,
    weights: Weights | None = None,
    fitting: FittingSettings = FITTING,
) -> PooledTransformer:
    chosen = EVERYTHING.model_copy(update={"fitting": fitting})
    return PooledTransformer.build(chosen, ClassifierInputs(sound, 3, weights), settings)


def fitted(settings: BackboneSettings, sound: Ragged) -> PooledTransformer:
    classifier = make(settings, sound)
    classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    return classifier


@every_backbone
def test_scores_do_not_depend_on_neighbours(tiny: Tiny, sound: Ragged, family: str, norm: str) -> None:
    classifier = fitted(backbone(tiny, family, norm), sound)
    together, vectors = classifier.log_probabilities(ALL), classifier.embeddings(ALL)
    for row in ALL:
        alone = np.array([row])
        np.testing.assert_allclose(classifier.log_probabilities(alone)[0], together[row], atol=1e-5, rtol=0)
        np.testing.assert_allclose(classifier.embeddings(alone)[0], vectors[row], atol=1e-5, rtol=0)


@every_backbone
def test_it_is_the_whole_backbone(tiny: Tiny, sound: Ragged, family: str, norm: str) -> None:
    """Transformers' own model on each waveform, with the weights that were trained here."""
    settings = backbone(tiny, family, norm)
    classifier = fitted(settings, sound)
    names = {"front_end": "feature_extractor.conv_layers", "projection": "feature_projection"}
    trained = {
        names.get(part, part) + "." + rest: torch.from_numpy(value)
        for part, _, rest, value in ((*name.partition("."), v) for name, v in classifier.weights().items())
    }
    model = build(settings)
    missing = model.load_state_dict(trained, strict=False)
    assert missing.missing_keys == ["masked_spec_embed"]
    assert missing.unexpected_keys == ["head.weight", "head.bias"]
    with torch.no_grad():
        for row in (0, 5):
            wave = torch.from_numpy(sound[row].astype(np.float32) / 32768)[None]
            live = model(wave).last_hidden_state.relu().mean(dim=1)
            np.testing.assert_allclose(classifier.embeddings(np.array([row])), live, atol=1e-5)


@every_backbone
def test_training_moves_every_part(tiny: Tiny, sound: Ragged, family: str, norm: str) -> None:
    settings = backbone(tiny, family, norm)
    classifier, untrained = fitted(settings, sound), make(settings, sound)
    before, after = untrained.initial(SeedTree(0)), classifier.weights()
    assert {name.split(".")[0] for name in after} == {"front_end", "projection", "encoder", "head"}
    still = [name for name in after if np.array_equal(before[name], after[name])]
    assert [name for name in still if "k_proj.bias" not in name] == []  # it shifts all keys alike
    assert sum(value.size for name, value in after.items() if not name.startswith("head")) == sum(
        p.numel() for name, p in build(settings).named_parameters() if name != "masked_spec_embed"
    )


def test_loaded_weights_score_the_same(tiny: Tiny, sound: Ragged) -> None:
    classifier, other = fitted(backbone(tiny), sound), make(backbone(tiny), sound)
    other.load(classifier.weights())
    assert np.array_equal(classifier.log_probabilities(ALL), other.log_probabilities(ALL))


def test_equal_seeds_give_equal_bits(tiny: Tiny, sound: Ragged) -> None:
    first, again = fitted(backbone(tiny), sound).weights(), fitted(backbone(tiny), sound).weights()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_an_adapted_front_end_is_where_training_starts(tiny: Tiny, sound: Ragged) -> None:
    settings = backbone(tiny)
    adapted = {name: 1.1 * value for name, value in arrays(build(settings)).items()}
    start = make(settings, sound, adapted).initial(SeedTree(0))
    name = "conv_layers.0.conv.weight"
    np.testing.assert_array_equal(
        start[f"front_end.{name.removeprefix('conv_layers.')}"], adapted[f"feature_extractor.{name}"]
    )


def test_passes_are_measured_in_frames(tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = backbone(tiny)
    classifier, config = make(settings, sound), build(settings).config
    lengths = np.array([frames(config, samples) for samples in sound.lengths.tolist()])
    monkeypatch.setitem(_backbone_classifier.LIMITS, "cpu", _backbone_classifier.Limits(120, 120, 50))
    passes = classifier._passes(ALL)
    assert sorted(np.concatenate(passes).tolist()) == ALL.tolist()
    assert all(len(part) * lengths[part].max() <= 120 for part in passes)
    assert 24 / len(passes) >= 2  # samples would give every clip a pass of its own


def test_the_gradient_of_a_step_does_not_depend_on_its_passes(
    tiny: Tiny, sound: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_step = FittingSettings(max_epochs=1, min_updates=1, batch_size=16)

    def gradients() -> dict[str, torch.Tensor]:
        classifier = make(backbone(tiny), sound, fitting=one_step)
        classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
        named = classifier._network.named_parameters()
        return {name: value.grad for name, value in named if value.grad is not None}

    whole = gradients()
    assert any(name.startswith("front_end") for name in whole)
    monkeypatch.setitem(_backbone_classifier.LIMITS, "cpu", _backbone_classifier.Limits(60, 60, 50))
    for name, value in gradients().items():
        torch.testing.assert_close(value, whole[name], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("samples", [1, 100])
def test_what_is_shorter_than_a_frame_is_padded_to_one(
    tiny: Tiny, make_ragged: Callable[..., Ragged], samples: int
) -> None:
    settings = backbone(tiny)
    needed = shortest(build(settings).config)
    assert samples < needed
    wave = np.random.default_rng(0).integers(-9_000, 9_000, samples).astype(np.int16)
    padded = np.pad(wave, (0, needed - samples))
    classifier = make(settings, make_ragged([wave, padded, padded]))
    classifier.load(classifier.initial(SeedTree(0)))
    scores = classifier.log_probabilities(np.arange(3))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_a_frozen_front_end_is_not_fed_with_waveforms(tiny: Tiny) -> None:
    network = PooledNetwork(build(tiny()), 3, PooledTransformerSettings(), torch.Generator())
    assert not any(name.startswith("front_end") for name, _ in network.named_parameters())
    with pytest.raises(ValueError, match="frozen front end is fed with its output"):
        network.heard([torch.zeros(5_000)])


def test_a_frozen_projection_above_a_trained_front_end_is_refused() -> None:
    with pytest.raises(
        ValidationError, match="add 'freeze_projection: false', or leave the front end frozen"
    ):
        PooledTransformerSettings(freeze_front_end=False)


def stage(classifier: PooledTransformerSettings, steps: int) -> FirstRoundStage:
    audio, settings = AudioStage("0123"), BackboneSettings(config={"hidden_size": 16})
    adapted = AdaptationStage(audio, FoldChoice(), settings, TaptSettings(steps=steps))
    return FirstRoundStage(audio, FoldChoice(), classifier, ClusteringSettings(), 8, 0, settings, adapted)


def test_one_copy_of_the_waveforms_serves_every_adaptation() -> None:
    one, other = stage(EVERYTHING, steps=10), stage(EVERYTHING, steps=20)
    assert one.features.features.kind == "waveform"
    assert one.features.adapted is None
    assert one.features.key == other.features.key
    assert one.key != other.key
    assert one.adapted in one.needs()


def test_clustering_goes_on_with_the_frozen_front_end() -> None:
    everything, frozen = stage(EVERYTHING, 10), stage(PooledTransformerSettings(), 10)
    assert everything.initial_features is not None
    assert frozen.initial_features is not None
    assert everything.initial_features.key == frozen.initial_features.key
    assert everything.initial_features in everything.needs()
    assert frozen.features.adapted is not None
    assert LightSerNetSettings().initial_features(None) == LightSerNetSettings().features(None)


def test_the_setting_enters_keys_only_where_it_is_used() -> None:
    assert "freeze_front_end" not in PooledTransformerSettings().meaning()
    assert EVERYTHING.meaning()["freeze_front_end"] is False
