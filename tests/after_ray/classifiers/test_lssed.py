from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import max_pool2d

from after_ray.classifiers import ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._lssed_network import BLOCKS, STAGES, Bottleneck, LssedNetwork, Pyramid
from after_ray.classifiers._settings import LssedSettings
from after_ray.classifiers.lssed import Lssed
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.features._settings import LogMelFeatures
from after_ray.features.log_mel import LogMel
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import Checkpoint
from after_ray.training.precision import has_bf16

CLASSES = 4
SECONDS = 0.32  # of the shortest pieces
PARAMETERS = {50: 22_825_220, 101: 40_285_444, 152: 54_618_372}
QUICK = {"steps": 3, "evaluations": 3, "batch_size": 8, "seconds": SECONDS}


def network(depth: int = 50, classes: int = CLASSES) -> LssedNetwork:
    return LssedNetwork(depth, classes, 0.5, torch.Generator().manual_seed(1))


def ragged(clips: list[NDArray[Any]]) -> Ragged:
    return Ragged(np.concatenate(clips), np.concatenate([[0], np.cumsum([len(clip) for clip in clips])]))


def spectrograms(count: int, frames: int = 32) -> Ragged:
    values = np.random.default_rng(0).standard_normal((count, frames, 128)).astype(np.float16)
    return ragged(list(values))


SHORT = spectrograms(12)
LABELS = np.arange(12) % CLASSES
TRAIN, VALIDATION = Labelled(np.arange(8), LABELS[:8]), Labelled(np.arange(8, 12), LABELS[8:])


def made(device: str = "cpu", **settings: Any) -> Lssed:
    return Lssed(LssedSettings(**QUICK | settings), ClassifierInputs(SHORT, CLASSES, device=device))


def trained(**settings: Any) -> Lssed:
    classifier = made(**settings)
    classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    return classifier


def bits(classifier: Lssed) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in classifier.weights().items()}


# --- the network


@pytest.mark.parametrize(("depth", "parameters"), PARAMETERS.items())
def test_parameters_are_as_many_as_specified(depth: int, parameters: int) -> None:
    assert sum(p.numel() for p in network(depth).parameters()) == parameters


def test_with_a_stem_and_a_head_for_pictures_it_has_the_size_of_the_published_pyconvresnet() -> None:
    of_pictures = sum(p.numel() for p in network().parameters())
    of_pictures += 2 * 64 * 7 * 7  # two more channels of the stem
    of_pictures += (2048 + 1) * 1000 - (8192 + 1) * CLASSES
    assert of_pictures == pytest.approx(24.85e6, abs=5e3)


def test_shapes_of_the_table() -> None:
    net, seen = network().eval(), []
    for part in (net.stem, *net.stages, net.pool):
        part.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    with torch.no_grad():
        assert net(torch.zeros(1, 128, 300)).shape == (1, CLASSES)
    assert seen == [
        (64, 64, 150),
        (256, 32, 75),
        (512, 16, 38),
        (1024, 8, 19),
        (2048, 4, 10),
        (2048, 4, 1),
    ]
    assert [[len(stage) for stage in network(depth).stages] for depth in BLOCKS] == [
        [3, 4, 6, 3],
        [3, 4, 23, 3],
        [3, 8, 36, 3],
    ]


def test_every_branch_of_a_pyramid_is_divided_by_its_groups() -> None:
    pyramids = [module for module in network().modules() if isinstance(module, Pyramid)]
    assert len(pyramids) == 16
    for pyramid in pyramids:
        layers = [layer for layer in pyramid.branches if isinstance(layer, nn.Conv2d)]
        assert sum(layer.out_channels for layer in layers) == layers[0].in_channels
        for layer in layers:
            assert layer.in_channels % layer.groups == layer.out_channels % layer.groups == 0
    kernels = [[branch.kernel for branch in stage] for stage in STAGES]
    groups = [[branch.groups for branch in stage] for stage in STAGES]
    assert kernels == [[3, 5, 7, 9], [3, 5, 7], [3, 5], [3]]
    assert groups == [[1, 4, 8, 16], [1, 4, 8], [1, 4], [1]]


@pytest.mark.parametrize("number", [0, 1])
def test_a_block_adds_the_largest_or_all_of_its_input_and_ends_in_relu(number: int) -> None:
    block = network().eval().stages[1][number]  # type: ignore[index]
    assert isinstance(block, Bottleneck)
    given = torch.randn(2, (256, 512)[number], 8, 9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if number == 0:
            _, convolution, norm = block.shortcut  # type: ignore[misc]
            around = norm(convolution(max_pool2d(given, 3, stride=2, padding=1)))
        else:
            around = given
        added = block.body(given) + around
        found = block(given)
    assert (added < 0).any()
    torch.testing.assert_close(found, added.clamp_min(0))


@pytest.mark.parametrize("frames", [32, 33, 47, 301])
def test_any_number_of_frames_from_32_on_gives_finite_logits(frames: int) -> None:
    with torch.no_grad():
        embedded = network().eval().embed(torch.randn(1, 128, frames, generator=torch.Generator()))
    assert embedded.shape == (1, 8192)
    assert torch.isfinite(embedded).all()


def test_the_gradient_reaches_the_stem() -> None:
    net = network().train()
    net(torch.randn(2, 128, 32, generator=torch.Generator())).square().sum().backward()
    for parameter in net.parameters():
        assert parameter.grad is not None
    assert net.stem[0].weight.grad.abs().max() > 0  # type: ignore[union-attr]


def test_the_four_rows_that_the_head_sees_are_bands_of_frequency() -> None:
    """What changes in the uppermost band alone changes the last row most; in time there are no rows."""
    net = network().eval()
    image = torch.randn(1, 128, 96, generator=torch.Generator())
    changed = image.clone()
    changed[:, 126:] += 1.0
    with torch.no_grad():
        rows = [net.embed(one).reshape(2048, 4) for one in (image, changed)]
    moved = (rows[1] - rows[0]).abs().sum(dim=0)
    assert moved.argmax() == 3
    assert moved[3] > 3 * moved[0]


def test_weights_are_kaiming_by_fan_out_and_drawn_from_the_generator() -> None:
    before = torch.random.get_rng_state()
    first, again = network(), network()
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first.head.weight, again.head.weight)
    other = LssedNetwork(50, CLASSES, 0.5, torch.Generator().manual_seed(2))
    assert not torch.equal(first.head.weight, other.head.weight)
    assert first.head.weight.abs().max() <= 8192**-0.5
    for layer in (module for module in first.modules() if isinstance(module, nn.Conv2d)):
        assert layer.bias is None
        fan_out = layer.out_channels * layer.weight[0, 0].numel()  # of torch: groups are not looked at
        assert layer.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.1)


# --- training and scoring


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One block in every stage, so that trainings take no longer than they must."""
    monkeypatch.setitem(BLOCKS, 50, (1, 1, 1, 1))


@pytest.mark.usefixtures("shallow")
def test_a_training_reports_what_it_did_and_same_seeds_are_the_same_bits() -> None:
    assert classifiers.resolve("lssed") is Lssed
    classifier = made()
    state = torch.random.get_rng_state()
    report = classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    assert torch.equal(state, torch.random.get_rng_state())
    scores = evaluate(classifier.log_probabilities(VALIDATION.rows), VALIDATION.labels)
    assert (report.updates, report.stopped) == (3, "steps")
    assert report.validation_loss == pytest.approx(scores.loss)
    assert bits(trained()) == bits(classifier)
    assert classifier.embeddings(TRAIN.rows).shape == (8, 8192)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(Exception):
        pass

    loss, calls = Lssed._loss, []

    def killing(self: Lssed, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return loss(self, *arguments)

    expected = bits(trained())
    monkeypatch.setattr(Lssed, "_loss", killing)
    with pytest.raises(Killed):
        made().fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0), checkpoint=Checkpoint(tmp_path, every=0))
    monkeypatch.setattr(Lssed, "_loss", loss)
    again = made()
    report = again.fit(
        TRAIN, VALIDATION, start=None, seeds=SeedTree(0), checkpoint=Checkpoint(tmp_path, every=0)
    )
    assert report.resumed == 1
    assert bits(again) == expected


@pytest.mark.usefixtures("shallow")
def test_training_stops_when_validation_no_longer_improves() -> None:
    settings = {"steps": 20, "evaluations": 20, "patience": 1, "learning_rate": 0.1}
    report = made(**settings).fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    assert report.stopped == "patience"
    assert report.updates < 20


@pytest.mark.usefixtures("shallow")
def test_weights_score_again_to_the_bit() -> None:
    classifier, other = trained(), made()
    other.load(classifier.weights())
    rows = np.array([3, 11, 0])
    assert np.array_equal(other.log_probabilities(rows), classifier.log_probabilities(rows))


def test_inputs_are_frequency_by_time_in_the_order_of_the_rows() -> None:
    classifier = made()
    inputs = classifier._inputs_of(classifier._pieces_of(np.array([4, 2])))
    assert inputs.dtype == torch.float32
    assert np.array_equal(inputs.numpy(), np.stack([SHORT[4].T, SHORT[2].T]))


@pytest.mark.usefixtures("shallow")
def test_silence_half_a_second_and_ten_seconds_train_and_score() -> None:
    extractor = LogMel(LogMelFeatures(), None, "cpu")
    noise = 0.1 * np.random.default_rng(0).standard_normal(160_000)
    waves = [np.zeros(48_000), np.zeros(8_000), np.full(8_000, 0.5), noise[:8_000], noise]
    features = ragged([extractor.extract(wave.astype(np.float32)) for wave in waves])
    classifier = Lssed(LssedSettings(steps=1, evaluations=1), ClassifierInputs(features, CLASSES))
    labelled = Labelled(np.arange(5), np.array([0, 1, 2, 3, 0]))
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0))
    assert np.isfinite(classifier.log_probabilities(np.arange(5))).all()


@pytest.mark.skipif(not has_bf16("cpu"), reason="the processor has no bf16")
@pytest.mark.usefixtures("shallow")
def test_bf16_gives_nearly_the_same_logits_and_trains() -> None:
    logits = []
    for precision in ("fp32", "bf16"):
        classifier = made(precision=precision, dropout=0.0)
        classifier.initial(SeedTree(0))
        classifier._network.train()
        logits.append(classifier._logits(classifier._inputs_of(classifier._pieces_of(TRAIN.rows))))
    assert logits[1].dtype == torch.float32
    torch.testing.assert_close(logits[1], logits[0], atol=0.1, rtol=0)
    assert not torch.equal(*logits)
    classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    assert np.isfinite(classifier.log_probabilities(VALIDATION.rows)).all()


@pytest.mark.gpu
def test_a_gpu_trains_and_scores_nearly_like_a_processor() -> None:
    """From equal weights: in a training of so few clips rounding errors would grow from step to step."""
    on_cpu, on_gpu = made(), made("cuda")
    on_gpu.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    on_cpu.load(on_gpu.weights())
    rows = np.arange(12)
    scores = [np.exp(one.log_probabilities(rows)) for one in (on_gpu, on_cpu)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)  # 0.016 and 0.021 seen, by TF32; without it 3e-5
    assert np.ptp(scores[1], axis=0).min() > 1e-3, "utterances shall differ"


@pytest.mark.slow
def test_overfits_32_utterances_of_real_speech(corpora: Path) -> None:
    source = open_source(EmodbSettings(root=str(corpora / "emodb")))
    entries = source.listing().entries
    labels = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    kept = np.sort(np.concatenate([np.flatnonzero(labels == label)[:8] for label in range(CLASSES)]))
    extractor = LogMel(LogMelFeatures(seconds=0.64), None, "cpu")
    features = ragged([extractor.extract(source.read(entries[row].path).mono()) for row in kept.tolist()])
    everything = Labelled(np.arange(32), labels[kept])
    settings = LssedSettings(
        steps=14,
        evaluations=1,
        batch_size=16,
        learning_rate=1e-3,
        dropout=0,
        seconds=0.64,
        precision="bf16" if has_bf16("cpu") else "fp32",
    )
    classifier = Lssed(settings, ClassifierInputs(features, CLASSES))
    classifier.fit(everything, everything, start=None, seeds=SeedTree(0))
    assert evaluate(classifier.log_probabilities(everything.rows), everything.labels).wa == 1.0
