from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from after_ray.classifiers import ClassifierInputs, FitReport, Labelled, classifiers
from after_ray.classifiers._quaternion import QuaternionBatchNorm2d, QuaternionConv2d, QuaternionLinear
from after_ray.classifiers._quaternion_networks import Bottleneck, NetworkName, QuaternionNetwork
from after_ray.classifiers._settings import RhEmoSettings
from after_ray.classifiers.rh_emo import RhEmo
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.environment import fix_threads
from after_ray.features._settings import MagnitudeFeatures
from after_ray.features.magnitudes import Magnitudes
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint
from after_ray.store.checkpoints import NO_CHECKPOINT
from tests.after_ray.classifiers.rh_emo_parts import (
    CLASSES,
    FEATURES,
    LABELS,
    TRAIN,
    VALIDATION,
    pretrain,
    untrained,
)

EXTRACTOR = Magnitudes(MagnitudeFeatures(), None, "cpu")
LEARNT, HELD_OUT = Labelled(TRAIN, LABELS[TRAIN]), Labelled(VALIDATION, LABELS[VALIDATION])
ENCODER = untrained()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


def network(name: NetworkName = "resnet50", dropout: float = 0.0) -> QuaternionNetwork:
    return QuaternionNetwork(name, CLASSES, dropout, torch.Generator().manual_seed(0))


def made(features: Ragged = FEATURES, device: str = "cpu", **settings: Any) -> RhEmo:
    settings = {"steps": 2, "evaluations": 1, "batch_size": 4} | settings
    inputs = ClassifierInputs(features, CLASSES, device=device, pretrained=ENCODER)
    return RhEmo.build(RhEmoSettings(**settings), inputs, None)


def trained(
    start: Any = None, seed: int = 0, checkpoint: Checkpoint = NO_CHECKPOINT, **settings: Any
) -> tuple[RhEmo, FitReport]:
    classifier = made(**settings)
    return classifier, classifier.fit(
        LEARNT, HELD_OUT, start=start, seeds=SeedTree(seed), checkpoint=checkpoint
    )


@pytest.fixture(scope="module")
def first() -> tuple[RhEmo, FitReport]:
    """Trained from the first seed; nobody may change its weights."""
    fix_threads(1)
    return trained()


# --- the networks


@pytest.mark.parametrize(
    ("name", "parameters", "width"),
    [("resnet50", 5_905_908, 2048), ("alexnet", 14_276_292, 4096), ("vgg16", 9_998_020, 4096)],
)
def test_parameters_are_as_many_as_published(name: NetworkName, parameters: int, width: int) -> None:
    net = network(name).eval()
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net.embed(torch.zeros(1, 4, 64, 64)).shape == (1, width)
    assert net(torch.zeros(1, 4, 64, 64)).shape == (1, CLASSES)
    assert type(net.head) is nn.Linear, "the last layer is real"


def test_resnet_halves_its_images_where_the_published_one_does() -> None:
    net, seen = network().eval(), []
    for layer in net.body:
        layer.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    net(torch.zeros(1, 4, 64, 64))
    assert (seen[0], seen[3]) == ((64, 32, 32), (64, 16, 16))
    blocks = [shape for layer, shape in zip(net.body, seen, strict=True) if isinstance(layer, Bottleneck)]
    assert blocks == [(256, 16, 16)] * 3 + [(512, 8, 8)] * 4 + [(1024, 4, 4)] * 6 + [(2048, 2, 2)] * 3


def test_a_block_halves_its_image_in_its_middle_and_beside() -> None:
    block, seen = Bottleneck(16, 8, 2, torch.Generator().manual_seed(0)), []
    convolutions = [one for one in block.path if isinstance(one, QuaternionConv2d)]
    for layer in (*convolutions, block.beside, block):
        layer.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    block(torch.zeros(2, 16, 6, 6))
    assert seen == [(8, 6, 6), (8, 3, 3), (32, 3, 3), (32, 3, 3), (32, 3, 3)]
    assert [one.components.shape[-1] for one in convolutions] == [1, 3, 1]


@pytest.mark.parametrize(("name", "dropped"), [("alexnet", [0, 1]), ("vgg16", [1]), ("resnet50", [])])
def test_published_dropout_is_before_hidden_linear_layers(name: NetworkName, dropped: list[int]) -> None:
    body = list(network(name).body)
    hidden = [place for place, layer in enumerate(body) if isinstance(layer, QuaternionLinear)]
    before = [body[place - 1] for place in hidden]
    assert [place for place, layer in enumerate(before) if isinstance(layer, nn.Dropout)] == dropped
    drops = [layer for layer in body if isinstance(layer, nn.Dropout)]
    assert [layer.p for layer in drops] == [0.5] * len(dropped), "and nowhere else"


@pytest.mark.parametrize("name", ["resnet50", "alexnet", "vgg16"])
def test_weights_are_drawn_for_the_rectifiers_behind_them(name: NetworkName) -> None:
    seen = 0
    for layer in network(name).modules():
        if isinstance(layer, QuaternionConv2d | QuaternionLinear) and layer.components.numel() > 10_000:
            fan_in = layer.components[0, 0].numel()
            size = layer.components.detach().square().mean().sqrt().item()
            assert size == pytest.approx((2 * fan_in) ** -0.5, rel=0.04)
            seen += 1
    assert seen >= 6


def test_vgg_flattens_to_2048_and_alexnet_to_9216() -> None:
    widths = {
        name: next(
            layer for layer in network(name).body if isinstance(layer, QuaternionLinear)
        ).components.shape
        for name in ("vgg16", "alexnet")
    }
    assert {name: 4 * shape[2] for name, shape in widths.items()} == {"vgg16": 2048, "alexnet": 9216}


@pytest.mark.parametrize(("name", "norms", "convolutions"), [("resnet50", 53, 53), ("vgg16", 0, 13)])
def test_layers_are_over_quaternions(name: NetworkName, norms: int, convolutions: int) -> None:
    modules = list(network(name).modules())
    assert sum(isinstance(one, QuaternionBatchNorm2d) for one in modules) == norms
    assert sum(isinstance(one, QuaternionConv2d) for one in modules) == convolutions
    assert not any(isinstance(one, nn.Conv2d | nn.BatchNorm2d) for one in modules)


@pytest.mark.parametrize(
    ("settings", "dropout"),
    [
        ({}, 0.0),
        ({"network": "vgg16"}, 0.5),
        ({"network": "vgg16", "dropout": 0.2}, 0.2),
        ({"dropout": 0.3}, 0.3),
    ],
)
def test_dropout_before_the_last_layer_is_that_of_the_network_unless_written(
    settings: dict[str, Any], dropout: float
) -> None:
    chosen = RhEmoSettings(**settings)
    assert chosen.dropout == chosen.head_dropout_share == dropout
    classifier = made(**settings)
    classifier.initial(SeedTree(0))
    assert classifier._network.dropout.p == dropout


# --- the frozen encoder


def test_nothing_moves_in_the_encoder_and_no_gradient_reaches_it() -> None:
    classifier = made()
    before = {name: value.clone() for name, value in classifier._encoder.state_dict().items()}
    classifier.fit(LEARNT, HELD_OUT, start=None, seeds=SeedTree(0))
    classifier.log_probabilities(np.arange(8))
    after = classifier._encoder.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(layer.training for layer in classifier._encoder.modules())
    assert all(p.grad is None and not p.requires_grad for p in classifier._encoder.parameters())
    images = classifier._inputs_of(classifier._pieces_of(TRAIN))
    assert images.shape == (8, 4, 64, 64)
    assert not images.requires_grad
    assert torch.isfinite(images).all()


def test_the_encoder_is_no_part_of_the_weights(first: tuple[RhEmo, FitReport]) -> None:
    classifier, _ = first
    weights = classifier.weights()
    assert not any("encoder" in name for name in weights)
    other = made()
    other.load(weights)
    assert np.array_equal(other.log_probabilities(np.arange(8)), classifier.log_probabilities(np.arange(8)))


def test_what_is_heard_is_divided_by_the_maximum_of_the_pretraining() -> None:
    louder = {**ENCODER, "maximum": np.array(0.2)}
    doubled = Ragged(2 * FEATURES.values, FEATURES.offsets)
    images = []
    for features, pretrained in ((FEATURES, ENCODER), (doubled, louder), (doubled, ENCODER)):
        classifier = RhEmo(RhEmoSettings(), ClassifierInputs(features, CLASSES, pretrained=pretrained))
        images.append(classifier._inputs_of(classifier._pieces_of(TRAIN)))
    torch.testing.assert_close(images[0], images[1])
    assert not torch.allclose(images[0], images[2])


def test_without_a_pretraining_there_is_no_classifier() -> None:
    with pytest.raises(ValueError, match="needs the weights of its pretraining"):
        RhEmo(RhEmoSettings(), ClassifierInputs(FEATURES, CLASSES))


# --- training and scoring


def test_training_reports_what_it_did_and_steps_change_the_network(first: tuple[RhEmo, FitReport]) -> None:
    classifier, report = first
    assert classifiers.resolve("rh_emo") is RhEmo
    scores = evaluate(classifier.log_probabilities(VALIDATION), LABELS[VALIDATION])
    assert (report.updates, report.epochs, report.stopped) == (2, 1.0, "steps")
    assert report.validation_loss == pytest.approx(scores.loss, abs=1e-5)
    fresh = made().initial(SeedTree(0))
    assert not np.array_equal(fresh["head.weight"], classifier.weights()["head.weight"])


def test_same_seeds_same_bits_and_the_global_generator_stays(first: tuple[RhEmo, FitReport]) -> None:
    state, before = torch.random.get_rng_state(), first[0].weights()
    second, other = (trained(seed=seed)[0].weights() for seed in (0, 1))
    assert all(np.array_equal(before[name], second[name]) for name in before)
    assert not np.array_equal(before["head.weight"], other["head.weight"])
    assert torch.equal(state, torch.random.get_rng_state())


def test_an_utterance_is_the_mean_of_its_pieces(first: tuple[RhEmo, FitReport]) -> None:
    classifier, _ = first
    singles = Ragged(FEATURES.values, np.arange(len(FEATURES.values) + 1))
    alone = made(features=singles)
    alone.load(classifier.weights())
    pieces = np.arange(FEATURES.offsets[4], FEATURES.offsets[5])
    assert len(pieces) == 3
    embeddings = alone.embeddings(pieces)
    np.testing.assert_allclose(classifier.embeddings(np.array([4]))[0], embeddings.mean(axis=0), atol=1e-5)
    logits = embeddings.mean(axis=0) @ classifier._network.head.weight.detach().numpy().T
    logits = torch.from_numpy(logits) + classifier._network.head.bias.detach()
    expected = logits.double().log_softmax(dim=0).numpy()
    np.testing.assert_allclose(classifier.log_probabilities(np.array([4]))[0], expected, atol=1e-5)


def test_it_goes_on_from_earlier_weights(first: tuple[RhEmo, FitReport]) -> None:
    kept = first[0].weights()
    went_on, _ = trained(start=kept, steps=1, learning_rate=1e-9)
    assert went_on.weights()["head.weight"] == pytest.approx(kept["head.weight"], abs=1e-6)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"dropout": 0.2, "steps": 3, "evaluations": 3}
    expected, _ = trained(**settings)
    save, saved = Checkpoint.save, []

    def killing(self: Checkpoint, arrays: Any, values: Any) -> None:
        save(self, arrays, values)
        saved.append(values)
        if len(saved) == 2:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", killing)
    with pytest.raises(Killed):
        trained(checkpoint=Checkpoint(tmp_path / "state", every=0), **settings)
    monkeypatch.setattr(Checkpoint, "save", save)
    again, report = trained(checkpoint=Checkpoint(tmp_path / "state", every=0), **settings)
    assert report.resumed == 1
    weights, bits = again.weights(), expected.weights()
    assert all(np.array_equal(weights[name], bits[name]) for name in bits)


def test_silence_half_a_second_and_ten_seconds_train_and_score() -> None:
    draws = np.random.default_rng(0)
    lengths = [8_000, 8_000, 160_000, 64_000, 100]
    waves = [np.zeros(64_000), *(0.1 * draws.standard_normal(length) for length in lengths)]
    pieces = [EXTRACTOR.extract(wave.astype(np.float32)) for wave in waves]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in pieces])])
    classifier = made(features=Ragged(np.concatenate(pieces), offsets))
    rows = np.arange(6)
    labelled = Labelled(rows, rows % CLASSES)
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0))
    assert np.isfinite(classifier.log_probabilities(rows)).all()
    assert classifier.log_probabilities(rows).shape == (6, CLASSES)
    assert np.isfinite(classifier.embeddings(rows)).all()


@pytest.mark.slow
def test_overfits_32_real_utterances(corpora: Path) -> None:
    source = open_source(EmodbSettings(root=str(corpora / "emodb")))
    entries = source.listing().entries
    classes = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    kept = [row for label in range(CLASSES) for row in np.flatnonzero(classes == label)[:8]]
    pieces = [EXTRACTOR.extract(source.read(entries[row].path).mono()) for row in kept]
    features = Ragged(np.concatenate(pieces), np.concatenate([[0], np.cumsum([len(one) for one in pieces])]))
    loudest = float(features.values.max())
    inputs = ClassifierInputs(features, CLASSES, pretrained=untrained(maximum=loudest))
    settings = RhEmoSettings(steps=100, evaluations=4, batch_size=16, learning_rate=1e-3)
    classifier, rows = RhEmo.build(settings, inputs, None), np.arange(32)
    everything = Labelled(rows, classes[kept].astype(np.int64))
    classifier.fit(everything, everything, start=None, seeds=SeedTree(0))
    assert evaluate(classifier.log_probabilities(rows), everything.labels).wa == 1.0


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["resnet50", "alexnet", "vgg16"])
def test_a_gpu_trains_nearly_the_same_network(name: NetworkName) -> None:
    settings = {"network": name, "dropout": 0.0, "steps": 3, "learning_rate": 1e-6}
    here, there = (trained(device=device, **settings)[0] for device in ("cpu", "cuda"))
    rows = np.arange(8)
    if name == "resnet50":  # the others draw dropout, on each device its own
        assert np.exp(there.log_probabilities(rows)) == pytest.approx(
            np.exp(here.log_probabilities(rows)), abs=1e-2
        )
    there.load(here.weights())
    assert np.exp(there.log_probabilities(rows)) == pytest.approx(
        np.exp(here.log_probabilities(rows)), abs=1e-3
    )


def test_a_pretrained_encoder_is_what_it_hears_with() -> None:
    pretrained = pretrain().weights
    classifier = RhEmo(RhEmoSettings(), ClassifierInputs(FEATURES, CLASSES, pretrained=pretrained))
    for name, value in classifier._encoder.state_dict().items():
        assert np.array_equal(value.numpy(), pretrained[f"encoder.{name}"])
