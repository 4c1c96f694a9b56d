from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import conv1d, cross_entropy

from after_ray.acquisition import EvidenceKind
from after_ray.classifiers import ClassifierInputs, FitReport, Labelled, classifiers
from after_ray.classifiers import _spectral_classifier as module
from after_ray.classifiers._glam_network import GlamNetwork, MultiScale, token_width
from after_ray.classifiers._settings import GlamSettings
from after_ray.classifiers.glam import Glam, class_weights, drawn_mixture, multiplier
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.environment import fix_threads
from after_ray.features._settings import MfccSegmentFeatures
from after_ray.features.mfcc_segments import MfccSegments
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint
from after_ray.training.precision import has_bf16

CLASSES = 4
TIMES = 4


def network(times: int = 57, classes: int = CLASSES) -> GlamNetwork:
    return GlamNetwork(classes, (26, times), 0.0, torch.Generator().manual_seed(1))


def ragged(clips: list[NDArray[Any]]) -> Ragged:
    return Ragged(np.concatenate(clips), np.concatenate([[0], np.cumsum([len(clip) for clip in clips])]))


def small_clips(count: int, seed: int = 0) -> Ragged:
    """Random segments, one to four of each clip, so short that a training takes a fraction of a second."""
    generator = np.random.default_rng(seed)
    return ragged(
        [generator.standard_normal((1 + row % 4, 26, TIMES)).astype(np.float32) for row in range(count)]
    )


SMALL = small_clips(20)
LABELS = np.arange(20) // 2 % CLASSES
TRAIN = Labelled(np.arange(12), LABELS[:12])
VALIDATION = Labelled(np.arange(12, 20), LABELS[12:])


def glam(device: str = "cpu", features: Ragged = SMALL, **settings: Any) -> Glam:
    settings = {"steps": 6, "evaluations": 2} | settings
    return Glam.build(GlamSettings(**settings), ClassifierInputs(features, CLASSES, device=device), None)


def trained(
    train: Labelled = TRAIN, seed: int = 0, start: Any = None, **settings: Any
) -> tuple[Glam, FitReport]:
    classifier = glam(**settings)
    return classifier, classifier.fit(train, VALIDATION, start=start, seeds=SeedTree(seed))


@cache
def plain() -> Glam:
    """Trained with the defaults, for tests that only look."""
    return trained()[0]


def parameters(part: nn.Module) -> int:
    return sum(weight.numel() for weight in part.parameters())


# --- the network


@pytest.mark.parametrize(
    ("times", "whole", "fusion", "head"), [(57, 904_078, 217_258, 93_188), (63, 940_283, 246_807, 99_844)]
)
def test_parameters_are_as_many_as_specified(times: int, whole: int, fusion: int, head: int) -> None:
    made = network(times)
    convolutions = sum(parameters(m) for m in made.stem.modules() if isinstance(m, nn.Conv2d))
    assert (convolutions, parameters(made.stem) - convolutions) == (128, 64)
    assert (parameters(made.scales), parameters(made.last)) == (183_456, 409_728 + 256)
    assert (parameters(made.fusion), parameters(made.head)) == (fusion, head)
    assert parameters(made) == whole


def test_shapes_of_every_layer() -> None:
    made, seen = network().eval(), []
    parts = (made.stem, *made.scales, made.last, made.fusion)
    for part in parts:
        part.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    assert made(torch.zeros(2, 26, 57)).shape == (2, CLASSES)
    assert seen == [
        (16, 52, 57),
        (32, 52, 57),
        (32, 26, 28),
        (64, 26, 28),
        (64, 13, 14),
        (128, 13, 14),
        (128, 13, 14),
        (128, 182),
    ]
    assert made.embed(torch.zeros(2, 26, 57)).shape == (2, 128 * 182)


@pytest.mark.parametrize(("shape", "width"), [((26, 57), 182), ((26, 63), 195), ((5, 7), 2), ((2, 4), 1)])
def test_the_width_of_a_token_is_what_two_poolings_leave(shape: tuple[int, int], width: int) -> None:
    made = GlamNetwork(CLASSES, shape, 0.0, torch.Generator().manual_seed(0))
    assert token_width(shape) == width
    assert made.embed(torch.zeros(2, *shape)).shape == (2, 128 * width)


@pytest.mark.parametrize("shape", [(26, 3), (1, 57)])
def test_segments_that_vanish_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="vanishes when pooled twice"):
        GlamNetwork(CLASSES, shape, 0.0, torch.Generator())


def test_stems_look_along_coefficients_and_along_time() -> None:
    """Rows of the first path, then those of the second; a click of one coefficient at one time."""
    made = network().eval()
    silent, click = torch.zeros(1, 1, 26, 57), torch.zeros(1, 1, 26, 57)
    click[0, 0, 10, 30] = 1.0
    _, _, rows, columns = (made.stem(click) != made.stem(silent)).nonzero(as_tuple=True)
    along_coefficients, along_time = rows < 26, rows >= 26
    assert set(rows[along_coefficients].tolist()) == {9, 10, 11}
    assert set(columns[along_coefficients].tolist()) == {30}
    assert set(rows[along_time].tolist()) == {26 + 10}
    assert set(columns[along_time].tolist()) == {29, 30, 31}


def test_a_multi_scale_block_adds_its_input_to_either_convolution() -> None:
    block = network().scales[0].eval()
    assert isinstance(block, MultiScale)
    inputs = torch.randn(2, 16, 5, 6, generator=torch.Generator().manual_seed(0))
    for convolution in (block.narrow, block.wide):
        nn.init.zeros_(convolution.weight)
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    expected = torch.cat([inputs, inputs], dim=1).relu() / math.sqrt(1 + 1e-5)
    torch.testing.assert_close(block(inputs), expected)
    assert (block.narrow.kernel_size, block.wide.kernel_size) == ((3, 3), (5, 5))


def test_a_gate_without_mixing_is_tanh_1() -> None:
    block = network(4).fusion
    nn.init.zeros_(block.mixing)
    gate = block.gate(torch.randn(2, 128, 26, generator=torch.Generator().manual_seed(0)))
    assert gate.shape == (2, 128, 26)
    assert gate.detach().numpy() == pytest.approx(0.761594, abs=1e-6)


def test_the_gated_mlp_equals_its_description() -> None:
    """The residual half comes first; mixing is a convolution of width 1 over tokens."""
    generator = torch.Generator().manual_seed(0)
    block = network(4).fusion
    nn.init.normal_(block.mixing, std=0.1, generator=generator)
    nn.init.normal_(block.mixing_bias, generator=generator)
    tokens = torch.randn(3, 128, 13, generator=generator)
    expanded = torch.nn.functional.gelu(block.expand(block.norm(tokens)))
    residual, gate = expanded[..., :26], block.gate_norm(expanded[..., 26:])
    mixed = torch.tanh(conv1d(gate, block.mixing[:, :, None], block.mixing_bias))
    torch.testing.assert_close(block(tokens), tokens + block.contract(residual * mixed))


def test_weights_are_drawn_within_the_bounds_of_torchs_defaults_and_the_gates_own() -> None:
    made = network()
    for layer in made.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            assert 0.9 * bound < layer.weight.abs().max().item() <= bound
    assert 0.9e-3 / 128 < made.fusion.mixing.abs().max().item() <= 1e-3 / 128
    assert torch.equal(made.fusion.mixing_bias, torch.ones(128))


# --- mixup, weights of classes, schedule


def test_without_alpha_nothing_is_mixed_and_nothing_drawn() -> None:
    draws = np.random.default_rng(0)
    before = draws.bit_generator.state
    share, partners = drawn_mixture(7, 0.0, draws)
    assert (share, partners.tolist()) == (1.0, list(range(7)))
    assert draws.bit_generator.state == before
    classifier, inputs, labels = of_a_batch(mixup_alpha=0.0)
    with torch.no_grad():
        loss = classifier._loss(inputs, labels, draws)
        assert torch.equal(loss, cross_entropy(classifier._network(inputs), labels))


def of_a_batch(**settings: Any) -> tuple[Glam, torch.Tensor, torch.Tensor]:
    classifier, _ = trained(steps=1, evaluations=1, **settings)
    pieces = classifier._pieces_of(TRAIN.rows)
    return classifier, classifier._inputs_of(pieces), torch.from_numpy(LABELS[pieces.rows])


def test_one_share_mixes_the_batch_and_its_losses() -> None:
    classifier, inputs, labels = of_a_batch()
    share, partners = drawn_mixture(len(inputs), 0.5, np.random.default_rng(5))
    with torch.no_grad():
        loss = classifier._loss(inputs, labels, np.random.default_rng(5))
        logits = classifier._network(share * inputs + (1 - share) * inputs[partners])
    each = [
        share * cross_entropy(one[None], own[None]) + (1 - share) * cross_entropy(one[None], other[None])
        for one, own, other in zip(logits, labels, labels[partners], strict=True)
    ]
    assert 0.05 < share < 0.95
    assert loss.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-5)


def test_shares_are_of_the_beta_distribution() -> None:
    draws = np.random.default_rng(0)
    mixtures = [drawn_mixture(5, 0.5, draws) for _ in range(4000)]
    shares = np.array([share for share, _ in mixtures])
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(0.125, abs=0.01)  # 1 / (4 (2 alpha + 1))
    assert all(sorted(partners.tolist()) == list(range(5)) for _, partners in mixtures)


def test_mixing_changes_what_is_trained() -> None:
    plain, mixed = (trained(mixup_alpha=alpha)[0].weights()["head.weight"] for alpha in (0.0, 0.5))
    assert not np.array_equal(plain, mixed)


def test_class_weights_are_1_minus_the_share() -> None:
    assert class_weights(np.array([1, 3, 4, 0])) == pytest.approx([0.875, 0.625, 0.5, 1.0])
    assert class_weights(np.array([0, 5, 0, 0])).tolist() == [1.0] * 4


def test_class_weights_count_segments_and_weigh_the_loss() -> None:
    classifier, inputs, labels = of_a_batch(class_weights=True, mixup_alpha=0.0)
    counts = np.bincount(LABELS[:12], weights=SMALL.lengths[:12], minlength=CLASSES)
    weights = torch.from_numpy(1 - counts / counts.sum()).float()
    assert len(set(weights.tolist())) > 1
    with torch.no_grad():
        loss = classifier._loss(inputs, labels, np.random.default_rng(0)).item()
        each = cross_entropy(classifier._network(inputs), labels, reduction="none")
    of_labels = weights[labels]
    assert loss == pytest.approx(((of_labels * each).sum() / of_labels.sum()).item(), rel=1e-5)
    assert abs(loss - each.mean().item()) > 1e-6


@pytest.mark.parametrize("steps", [50, 2_400, 94_000])
@pytest.mark.parametrize(("epoch", "expected"), [(0, 1e-3), (1, 9.5e-4), (10, 5.98737e-4), (50, 7.694e-5)])
def test_the_rate_decays_by_epoch_at_the_published_shares(epoch: int, expected: float, steps: int) -> None:
    assert 1e-3 * multiplier(epoch * steps // 50, steps) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("rate", "changes"), [("published", True), ("constant", False)])
def test_training_follows_the_schedule(rate: str, changes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float, float]] = []
    optimizer_step = torch.optim.Adam.step

    def record(self: torch.optim.Adam, *arguments: Any, **options: Any) -> Any:
        seen.append((self.param_groups[0]["lr"], self.param_groups[0]["weight_decay"]))
        return optimizer_step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", record)
    trained(steps=15, evaluations=1, rate=rate)
    assert seen == [(1e-3 * (multiplier(taken, 15) if changes else 1.0), 1e-6) for taken in range(15)]
    assert (seen[-1] < seen[0]) == changes


# --- dropout and evidence


def test_dropout_is_declared_and_never_applied_unless_asked_for() -> None:
    assert glam()._begin(None, SeedTree(0)).dropout.p == 0
    assert EvidenceKind.DROPOUT_DRAWS not in GlamSettings().evidence
    assert EvidenceKind.DROPOUT_DRAWS in GlamSettings(dropout=0.5).evidence
    assert EvidenceKind.FRAME_LOSSES not in GlamSettings(dropout=0.5).evidence
    with pytest.raises(NotImplementedError, match="Glam has no dropout to draw from"):
        plain().head_draws(VALIDATION.rows)


def test_dropout_that_is_asked_for_is_drawn_from() -> None:
    classifier, _ = trained(steps=1, evaluations=1, dropout=0.5)
    draws = classifier.head_draws(VALIDATION.rows)
    assert draws.share == 0.5
    assert draws.embeddings.shape == (8, 128 * token_width((26, TIMES)))


# --- training and scoring


def test_training_reports_what_it_did() -> None:
    classifier, report = trained()
    assert classifiers.resolve("glam") is Glam
    scores = evaluate(classifier.log_probabilities(VALIDATION.rows), VALIDATION.labels)
    assert (report.updates, report.epochs, report.stopped) == (6, 6.0, "steps"), "30 segments are one batch"
    assert report.validation_loss == pytest.approx(scores.loss)
    assert trained(epochs=2, batch_size=9, evaluations=1)[1].updates == 8, "the last batch counts"


def test_an_utterance_scores_the_mean_of_its_segments() -> None:
    classifier, rows = plain(), np.array([19, 3, 6, 0])
    logits, seen = [], []
    with torch.no_grad():
        for row in rows.tolist():
            segments = torch.from_numpy(SMALL[row])
            logits.append(classifier._network(segments).mean(dim=0))
            seen.append(classifier._network.embed(segments).mean(dim=0).numpy())
    expected = torch.stack(logits).log_softmax(dim=1).numpy()
    assert classifier.log_probabilities(rows) == pytest.approx(expected, abs=1e-5)
    assert classifier.embeddings(rows) == pytest.approx(np.stack(seen), abs=1e-5)


def test_means_are_those_over_batches_of_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = plain()
    at_once = classifier.embeddings(np.arange(20))
    monkeypatch.setattr(module, "SCORING_BATCH", 3)
    assert classifier.embeddings(np.arange(20)) == pytest.approx(at_once, abs=1e-5)


@pytest.mark.parametrize(("most", "taken"), [(30, 30), (29, 15), (8, 8)])
def test_statistics_are_of_so_many_segments_from_all_over(
    most: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = plain()  # trained before anything is replaced
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(module, "MOST_FOR_STATISTICS", most)
    monkeypatch.setattr(module, "recompute_statistics", lambda network, batches, run: seen.extend(batches))
    classifier._recompute_statistics(classifier._pieces_of(TRAIN.rows))
    expected = SMALL.values[: int(SMALL.offsets[12]) : math.ceil(30 / taken)]
    assert np.array_equal(torch.cat(seen).numpy(), expected)


def test_every_batch_of_statistics_is_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = plain()  # trained before anything is replaced
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(module, "SCORING_BATCH", 8)
    monkeypatch.setattr(module, "recompute_statistics", lambda network, batches, run: seen.extend(batches))
    classifier._recompute_statistics(classifier._pieces_of(TRAIN.rows))
    segments = SMALL.values[: int(SMALL.offsets[12])]
    assert len(seen) == 4
    for first, batch in enumerate(seen):
        assert np.array_equal(batch.numpy(), segments[first::4]), "neighbours share their speaker"


def test_inputs_are_the_segments_in_their_order() -> None:
    classifier = glam()
    pieces = classifier._pieces_of(np.array([7, 2, 12]))
    assert np.array_equal(
        classifier._inputs_of(pieces).numpy(), np.concatenate([SMALL[7], SMALL[2], SMALL[12]])
    )
    chosen = pieces.at(np.array([5, 0]))
    assert np.array_equal(classifier._inputs_of(chosen).numpy(), np.stack([SMALL[2][1], SMALL[7][0]]))


def test_same_seeds_same_bits_and_other_seeds_others() -> None:
    state = torch.random.get_rng_state()
    first, second, other = (trained(seed=seed)[0].weights() for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["head.weight"], other["head.weight"])
    assert torch.equal(state, torch.random.get_rng_state())


def test_weights_score_again_to_the_bit() -> None:
    classifier, other = plain(), glam()
    other.load(classifier.weights())
    rows = np.array([3, 19, 0])
    assert np.array_equal(other.log_probabilities(rows), classifier.log_probabilities(rows))
    assert np.array_equal(other.embeddings(rows), classifier.embeddings(rows))


@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities_have_all_classes_when_one_is_labelled(weighted: bool) -> None:
    rows = np.array([0, 1, 8, 9])
    assert len(np.unique(LABELS[rows])) == 1
    classifier, _ = trained(Labelled(rows, LABELS[rows]), class_weights=weighted)
    assert np.isfinite(classifier.log_probabilities(VALIDATION.rows)).all()
    assert classifier.log_probabilities(VALIDATION.rows).shape == (8, CLASSES)


class Killed(Exception):
    pass


class KillsAfter(Checkpoint):
    """Is left by the training right after so many states were written."""

    def __init__(self, folder: Path, states: int) -> None:
        super().__init__(folder, every=0)
        self.left = states

    def save(self, arrays: Any, values: Any) -> None:
        super().save(arrays, values)
        self.left -= 1
        if self.left == 0:
            raise Killed


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Shares and partners of mixup are among them."""
    fix_threads(1)
    settings = {"steps": 9, "evaluations": 3, "batch_size": 8, "dropout": 0.5}
    undisturbed, _ = trained(**settings)
    for states in (2, 3):
        with pytest.raises(Killed):
            glam(**settings).fit(
                TRAIN, VALIDATION, start=None, seeds=SeedTree(0), checkpoint=KillsAfter(tmp_path, states)
            )
    classifier = glam(**settings)
    checkpoint = Checkpoint(tmp_path, every=0)
    report = classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0), checkpoint=checkpoint)
    assert report.resumed == 2
    expected = undisturbed.weights()
    assert all(np.array_equal(value, expected[name]) for name, value in classifier.weights().items())


def test_silence_half_a_second_and_ten_seconds_train_and_score() -> None:
    generator = np.random.default_rng(0)
    extractor = MfccSegments(MfccSegmentFeatures(overlap=0.8), None, "cpu")
    waves = [np.zeros(48_000), np.zeros(100), *(0.1 * generator.standard_normal((2, 8_000)))]
    waves.append(0.1 * generator.standard_normal(160_000))
    features = ragged([extractor.extract(wave.astype(np.float32)) for wave in waves])
    classifier = glam(features=features, steps=2, evaluations=1, batch_size=8)
    labelled = Labelled(np.arange(5), np.array([0, 1, 2, 3, 0]))
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0))
    assert np.isfinite(classifier.log_probabilities(np.arange(5))).all()
    assert np.isfinite(classifier.embeddings(np.arange(5))).all()


@pytest.mark.skipif(not has_bf16("cpu"), reason="missing here: a processor with bf16")
def test_bf16_trains_nearly_the_same_network() -> None:
    rows = np.arange(20)
    quick, exact = (
        trained(precision=name, learning_rate=1e-4)[0].log_probabilities(rows) for name in ("bf16", "fp32")
    )
    assert quick == pytest.approx(exact, abs=0.05)
    assert not np.array_equal(quick, exact)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_trains_what_a_processor_trains(precision: Any) -> None:
    rows = np.arange(20)
    losses, scores = [], []
    for device, of_device in (("cpu", "fp32"), ("cuda", precision)):
        classifier = glam(device, precision=of_device, class_weights=True, learning_rate=1e-4)
        report = classifier.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
        losses.append(report.validation_loss)
        scores.append(classifier.log_probabilities(rows))
    tolerance = 0.02 if precision == "fp32" else 0.1
    assert losses[1] == pytest.approx(losses[0], abs=tolerance)
    assert scores[1] == pytest.approx(scores[0], abs=tolerance)


@pytest.mark.slow
def test_overfits_32_utterances_of_real_speech(corpora: Path) -> None:
    source = open_source(EmodbSettings(root=str(corpora / "emodb")))
    entries = source.listing().entries
    emotions = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    kept = np.sort(np.concatenate([np.flatnonzero(emotions == label)[::5][:8] for label in range(CLASSES)]))
    extractor = MfccSegments(MfccSegmentFeatures(seconds=0.5, overlap=0.0), None, "cpu")
    waves = [source.read(entries[row].path).mono() for row in kept.tolist()]
    features = ragged([extractor.extract(wave[len(wave) // 3 :][:8_000]) for wave in waves])
    classifier = glam(features=features, steps=30, evaluations=1, mixup_alpha=0.0)
    everything = Labelled(np.arange(32), emotions[kept].astype(np.int64))
    classifier.fit(everything, everything, start=None, seeds=SeedTree(0))
    assert evaluate(classifier.log_probabilities(everything.rows), everything.labels).wa == 1.0
