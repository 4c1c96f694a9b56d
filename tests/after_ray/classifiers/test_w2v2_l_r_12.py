from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from after_ray.backbones._transformers import Wav2Vec2Config, Wav2Vec2Model
from after_ray.backbones.dropout import DrawnDropout
from after_ray.backbones.loading import build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._settings import W2v2LR12Settings
from after_ray.classifiers._w2v2_l_r_12_network import W2v2LR12Network
from after_ray.classifiers.w2v2_l_r_12 import W2v2LR12
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.errors import TooManyLayers
from after_ray.features.front_end import FrontEnd
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import Checkpoint

Tiny = Callable[..., BackboneSettings]
Make = Callable[..., W2v2LR12]
FITTING = {"max_epochs": 2, "min_updates": 4, "batch_size": 8, "evaluations_per_epoch": 1}
TRAIN = Labelled(np.arange(16), np.arange(16) % 2)
VALIDATION = Labelled(np.arange(16, 24), np.arange(16, 24) % 2)
ALL = np.arange(24)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def settings_of(**changes: Any) -> W2v2LR12Settings:
    return W2v2LR12Settings.model_validate({"fitting": FITTING, "max_seconds": 1.5, **changes})


@pytest.fixture
def make(tiny: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged]) -> Make:
    """Makes a classifier of the rows of `sound` on two layers; changes go into its settings."""

    def made(device: str = "cpu", **changes: Any) -> W2v2LR12:
        settings, backbone = settings_of(**changes), tiny("layer", layerdrop=0.0)
        extractor = FrontEnd(settings.features(backbone), None, "cpu")  # type: ignore[arg-type]
        waves = [sound[row].astype(np.float32) / 32768 for row in range(len(sound))]
        features = make_ragged([extractor.extract(wave) for wave in waves])
        return W2v2LR12.build(settings, ClassifierInputs(features, 3, device=device), backbone)

    return made


def fit(classifier: W2v2LR12, checkpoint: Checkpoint | None = None) -> Any:
    return classifier.fit(
        TRAIN, VALIDATION, start=None, seeds=SeedTree(0), checkpoint=checkpoint or Checkpoint()
    )


def bits(classifier: W2v2LR12) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in classifier.weights().items()}


# --- the network


def large(layers: int) -> Wav2Vec2Model:
    """wav2vec2-large-robust with so many layers, without memory for its weights."""
    config = Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=layers,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    with torch.device("meta"):
        return Wav2Vec2Model(config)


def count(module: torch.nn.Module, *, trained: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def test_parameters_are_as_many_as_published() -> None:
    backbone = large(12)
    front_end = count(backbone.feature_extractor)
    assert count(large(24)) == 315_438_720
    assert count(backbone) == 164_284_032
    assert (front_end, count(backbone.feature_projection)) == (4_210_176, 526_336)
    assert (count(backbone.encoder), backbone.masked_spec_embed.numel()) == (159_546_496, 1_024)
    network = W2v2LR12Network(backbone, 4, W2v2LR12Settings(), torch.Generator())
    assert count(network) + front_end == 165_337_732
    assert count(network, trained=True) == 161_127_556
    of_three = W2v2LR12Network(backbone, 3, W2v2LR12Settings(), torch.Generator())
    assert count(of_three) + front_end == 165_336_707


def test_the_head_is_that_of_the_model_card(make: Make) -> None:
    classifier = make()
    classifier.initial(SeedTree(0))
    network = classifier._network.eval()
    features = classifier._stored(np.array([3]))
    encoded = network.encoder(network._projected(features)).last_hidden_state
    hidden = torch.tanh(encoded.mean(dim=1) @ network.dense.weight.T + network.dense.bias)
    logits = hidden @ network.head.weight.T + network.head.bias
    assert (network.dense.weight.shape, network.head.weight.shape) == ((32, 32), (3, 32))
    assert classifier.embeddings(np.array([3])) == pytest.approx(hidden.detach().numpy(), abs=1e-5)
    expected = logits.log_softmax(dim=1).detach().numpy()
    assert classifier.log_probabilities(np.array([3])) == pytest.approx(expected, abs=1e-5)


def test_every_dropout_is_in_force_in_training(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the files of a backbone say otherwise; on processors all draw from one generator."""
    seen: dict[str, float] = {}
    step = torch.optim.Adam.step
    classifier = make()

    def watching(self: torch.optim.Adam, *arguments: object) -> object:
        for name, module in classifier._network.named_modules():
            if isinstance(module, DrawnDropout):
                assert module.training
                seen[name] = module.p
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", watching)
    fit(classifier)
    assert set(seen.values()) == {0.1}
    parts = ["projection.dropout", "encoder.dropout", "dense_dropout", "dropout"]
    of_a_layer = ["attention.drawn_dropout", "dropout", "feed_forward.intermediate_dropout"]
    layers = [f"encoder.layers.{layer}.{part}" for layer in range(2) for part in of_a_layer]
    assert set(seen) >= {*parts, *layers}
    assert classifier._network.encoder.layers[0].attention.dropout == 0.1


def test_the_mean_is_dropped_out_before_the_hidden_layer_and_what_it_gives_after(make: Make) -> None:
    classifier = make(head_dropout=0.5)
    classifier.initial(SeedTree(0))
    network = classifier._network.train()
    seen: dict[str, torch.Tensor] = {}
    for name in ("dense", "head"):
        getattr(network, name).register_forward_pre_hook(
            lambda layer, inputs, name=name: seen.update({name: inputs[0]})
        )
    encoded = torch.ones(8, 5, 32)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network.head(network.dropout(network.represented(encoded, None)))
    assert set(seen["dense"].unique().tolist()) == {0.0, 2.0}
    assert (seen["dense"] == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert (seen["head"] == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_dropout_can_stay_as_the_backbone_has_it(make: Make) -> None:
    classifier = make(encoder_dropout=None, head_dropout=0.3)
    classifier.initial(SeedTree(0))
    config = classifier._network.encoder.config
    assert classifier._network.encoder.dropout.p == config.hidden_dropout
    assert classifier._network.dense_dropout.p == classifier._network.dropout.p == 0.3


def test_projection_and_mask_vector_are_trained_and_the_front_end_is_not(make: Make) -> None:
    classifier = make()
    before = {name: value.copy() for name, value in classifier.initial(SeedTree(0)).items()}
    fit(classifier)
    after = classifier.weights()
    for name in ("projection.projection.weight", "mask_vector", "dense.weight", "encoder.layer_norm.weight"):
        assert not np.array_equal(before[name], after[name]), name
    assert not [name for name in after if "conv_layers" in name]
    assert classifier._network.front_end is None


# --- the pooling


def test_padding_does_not_matter_under_a_mask_and_matters_without(make: Make) -> None:
    masked, unmasked = make(), make(pooling="unmasked")
    unmasked.load(masked.initial(SeedTree(0)))
    pair = np.array([0, int(np.argmax(masked._lengths))])
    assert masked._lengths[pair[0]] < masked._lengths[pair[1]]
    alone, beside = masked.embeddings(pair[:1]), masked.embeddings(pair)[:1]
    assert beside == pytest.approx(alone, abs=1e-5)
    padded = unmasked.embeddings(pair[:1])
    assert np.abs(padded - alone).max() > 1e-3
    longer = make(pooling="unmasked", max_seconds=4.0)
    longer.load(masked.weights())
    assert np.abs(longer.embeddings(pair[:1]) - padded).max() > 1e-3


def test_without_a_mask_neighbours_do_not_matter_either(make: Make) -> None:
    classifier = make(pooling="unmasked")
    fit(classifier)
    alone = np.concatenate([classifier.embeddings(ALL[[row]]) for row in range(24)])
    np.testing.assert_allclose(classifier.embeddings(ALL), alone, atol=1e-5)


def test_without_a_mask_it_is_the_mean_over_all_that_is_padded(make: Make) -> None:
    classifier = make(pooling="unmasked")
    classifier.initial(SeedTree(0))
    network, features = classifier._network.eval(), classifier._stored(np.array([0]))
    assert features.shape[1] == 75  # of 1.5 s, at 320 samples a frame
    assert not features[0, classifier._inputs.features.lengths[0] :].any()
    encoded = network.encoder(network._projected(features)).last_hidden_state.mean(dim=1)
    hidden = network.dense(encoded).tanh().detach().numpy()
    assert classifier.embeddings(np.array([0])) == pytest.approx(hidden, abs=1e-5)


# --- the backbone


def test_a_deeper_backbone_is_refused_with_the_remedy(tiny: Tiny, sound: Ragged, tmp_path: Path) -> None:
    deep = tiny("layer", num_hidden_layers=13)
    inputs = ClassifierInputs(sound, 3)
    with pytest.raises(TooManyLayers, match=r"has 13; allowed: at most 12.*add 'layers: 12'"):
        W2v2LR12.build(W2v2LR12Settings(), inputs, deep)
    build(deep).save_pretrained(tmp_path)
    named = BackboneSettings(name=str(tmp_path))
    with pytest.raises(TooManyLayers, match=rf"backbone: {{name: {tmp_path}, layers: 12}}"):
        W2v2LR12.build(W2v2LR12Settings(), inputs, named)
    cut = W2v2LR12.build(W2v2LR12Settings(), inputs, named.model_copy(update={"layers": 12}))
    cut.initial(SeedTree(0))
    assert len(cut._network.encoder.layers) == 12


def test_it_is_found_by_name_and_needs_a_backbone(sound: Ragged) -> None:
    assert classifiers.resolve("w2v2_l_r_12") is W2v2LR12
    with pytest.raises(ValueError, match="w2v2_l_r_12 needs a backbone"):
        W2v2LR12.build(W2v2LR12Settings(), ClassifierInputs(sound, 2), None)


def test_fitting_keeps_the_original_where_a_study_says_something_else() -> None:
    usual, other = W2v2LR12Settings().fitting, settings_of(fitting={"precision": "bf16"}).fitting
    assert (usual.max_epochs, usual.batch_size, usual.learning_rate) == (5, 32, 1e-4)
    assert (other.max_epochs, other.batch_size, other.precision) == (5, 32, "bf16")


# --- training


def test_a_training_has_the_same_bits_again_and_moves_no_global_generator(make: Make) -> None:
    first, again = make(), make()
    state = torch.random.get_rng_state()
    report = fit(first)
    fit(again)
    assert torch.equal(state, torch.random.get_rng_state())
    assert bits(first) == bits(again)
    assert report.updates == 4
    scores = evaluate(first.log_probabilities(VALIDATION.rows), VALIDATION.labels)
    assert report.validation_loss == pytest.approx(scores.loss)
    other = make()
    other.load(first.weights())
    assert np.array_equal(other.log_probabilities(ALL), first.log_probabilities(ALL))


def test_a_killed_training_goes_on_to_the_same_bits(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    logits, calls = W2v2LR12._logits, []

    def killing(self: W2v2LR12, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return logits(self, *arguments)

    undisturbed = make()
    fit(undisturbed)
    monkeypatch.setattr(W2v2LR12, "_logits", killing)
    with pytest.raises(Killed):
        fit(make(), Checkpoint(tmp_path, every=0))
    monkeypatch.setattr(W2v2LR12, "_logits", logits)
    again = make()
    assert fit(again, Checkpoint(tmp_path, every=0)).resumed == 1
    assert bits(again) == bits(undisturbed)


@pytest.mark.gpu
def test_a_gpu_trains_and_scores_nearly_like_a_processor(make: Make) -> None:
    on_cpu, on_gpu = make(), make("cuda")
    fit(on_gpu)
    on_cpu.load(on_gpu.weights())
    scores = [np.exp(one.log_probabilities(ALL)) for one in (on_gpu, on_cpu)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


@pytest.mark.slow
def test_overfits_32_utterances_of_real_speech(
    corpora: Path, tiny: Tiny, make_ragged: Callable[..., Ragged]
) -> None:
    source = open_source(EmodbSettings(root=str(corpora / "emodb")))
    entries = source.listing().entries
    labels = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    kept = np.sort(np.concatenate([np.flatnonzero(labels == label)[:8] for label in range(4)]))
    settings = settings_of(
        encoder_dropout=0.0,
        head_dropout=0.0,
        mask_time_probability=0.0,
        fitting={"max_epochs": 1, "min_updates": 150, "learning_rate": 3e-3, "evaluations_per_epoch": 2},
    )
    backbone = tiny("layer", layerdrop=0.0, initializer_range=0.3)
    extractor = FrontEnd(settings.features(backbone), None, "cpu")  # type: ignore[arg-type]
    clips = [source.read(entries[row].path).mono() for row in kept.tolist()]
    clips += [np.zeros(8_000, np.float32), clips[0][:8_000], np.tile(clips[0], 10)[:160_000]]
    features = make_ragged([extractor.extract(clip) for clip in clips])
    classifier = W2v2LR12.build(settings, ClassifierInputs(features, 4), backbone)
    everything = Labelled(np.arange(32), labels[kept])
    classifier.fit(everything, everything, start=None, seeds=SeedTree(0))
    assert evaluate(classifier.log_probabilities(everything.rows), everything.labels).wa == 1.0
    others = np.arange(32, 35)  # silence, half a second, ten seconds
    assert np.isfinite(classifier.log_probabilities(others)).all()
