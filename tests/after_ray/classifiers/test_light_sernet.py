from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy

from after_ray.classifiers import ClassifierInputs, FitReport, Labelled, classifiers
from after_ray.classifiers import _spectral_classifier as module
from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._light_network import LightNetwork, focal_loss
from after_ray.classifiers._settings import LightSerNetSettings
from after_ray.classifiers._spectral_classifier import even_batches
from after_ray.classifiers.light_sernet import LightSerNet, multiplier
from after_ray.corpora._base import open_source
from after_ray.corpora._settings import EmodbSettings
from after_ray.errors import BadValue
from after_ray.features._settings import CepstralFeatures
from after_ray.features.cepstra import Cepstra
from after_ray.metrics import evaluate
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.precision import has_bf16

CLASSES = 4
EXTRACTOR = Cepstra(CepstralFeatures(), None, "cpu")


def network(classes: int = CLASSES, dropout: float = 0.3) -> LightNetwork:
    return LightNetwork(classes, dropout, torch.Generator().manual_seed(1))


def ragged(clips: list[NDArray[Any]]) -> Ragged:
    return Ragged(np.concatenate(clips), np.concatenate([[0], np.cumsum([len(clip) for clip in clips])]))


def short_clips(count: int, frames: int = 24, seed: int = 0) -> Ragged:
    """Random cepstra of so few frames that a training takes a fraction of a second."""
    values = np.random.default_rng(seed).standard_normal((count, frames, 40)).astype(np.float32)
    return ragged(list(values))


SHORT = short_clips(20)
LABELS = np.arange(20) % CLASSES
TRAIN = Labelled(np.arange(12), LABELS[:12])
VALIDATION = Labelled(np.arange(12, 20), LABELS[12:])


def trained(
    train: Labelled = TRAIN, seed: int = 0, start: Any = None, **settings: Any
) -> tuple[LightSerNet, FitReport]:
    settings = {"steps": 6, "evaluations": 2} | settings
    classifier = LightSerNet.build(LightSerNetSettings(**settings), ClassifierInputs(SHORT, CLASSES), None)
    return classifier, classifier.fit(train, VALIDATION, start=start, seeds=SeedTree(seed))


# --- the network


@pytest.mark.parametrize(("classes", "parameters"), [(4, 460_740), (7, 460_740 + 2_247 - 1_284)])
def test_parameters_are_as_many_as_published(classes: int, parameters: int) -> None:
    assert sum(p.numel() for p in network(classes).parameters()) == parameters


def test_parameters_of_every_layer() -> None:
    made = network()
    parts = [*made.stem.paths, *made.body, made.head]
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [448, 384, 384, 55_424, 55_488, 110_848, 184_640, 51_840, 1_284]


@pytest.mark.parametrize(
    ("frames", "shapes"),
    [
        (184, [(96, 92, 20), (64, 46, 10), (96, 23, 5), (128, 12, 5), (160, 6, 5), (320, 6, 5)]),
        (434, [(96, 217, 20), (64, 109, 10), (96, 55, 5), (128, 28, 5), (160, 14, 5), (320, 14, 5)]),
    ],
)
def test_shapes_of_the_published_table(frames: int, shapes: list[tuple[int, ...]]) -> None:
    made, seen = network().eval(), []
    for part in (made.stem, *made.body):
        part.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    assert made(torch.zeros(1, frames, 40)).shape == (1, CLASSES)
    assert seen == shapes
    assert made.embed(torch.zeros(1, frames, 40)).shape == (1, 320)


def test_pooling_at_an_odd_edge_counts_no_padding() -> None:
    grid = torch.arange(6, dtype=torch.float32).reshape(1, 1, 2, 3)
    pool = next(m for m in network().modules() if isinstance(m, nn.AvgPool2d))
    assert pool(grid).flatten().tolist() == [2.0, 3.5]
    assert not torch.equal(pool(grid), avg_pool2d(grid, 2))


def test_batch_norm_is_that_of_keras_and_body_convolutions_have_no_bias() -> None:
    made = network()
    norms = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}
    assert all(m.bias is None for m in made.body.modules() if isinstance(m, nn.Conv2d))
    assert all(m.bias is not None for m in made.stem.modules() if isinstance(m, nn.Conv2d))


def test_the_penalty_is_on_body_kernels_alone() -> None:
    made = network()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.fill_(2.0 if name.startswith("body") and parameter.ndim == 4 else 100.0)
    kernels = 55_424 + 55_488 + 110_848 + 184_640 + 51_840 - 2 * (64 + 96 + 128 + 160 + 320)
    assert made.penalty().item() == pytest.approx(4 * kernels)


# --- losses and schedule


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_the_training_loss_is_the_mean_over_the_batch_and_the_penalty(loss: Any) -> None:
    classifier, _ = trained(dropout=0.0, loss=loss)
    made, rows = classifier._network.train(), np.array([7, 2, 9])
    inputs, labels = torch.from_numpy(np.stack([SHORT[row] for row in rows.tolist()])), LABELS[rows]
    logits = made(inputs)
    gamma = 2.0 if loss == "focal" else 0.0
    expected = focal_loss(logits, torch.from_numpy(labels), gamma) + 1e-6 * made.penalty()
    assert 1e-6 * made.penalty().item() > 1e-4
    loss_of = classifier._loss(inputs, torch.from_numpy(labels), np.random.default_rng(0))
    assert loss_of.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(("p_true", "expected"), [(0.9, 0.0010536), (0.5, 0.1732868), (0.1, 1.8650939)])
def test_focal_loss_worked_numbers(p_true: float, expected: float) -> None:
    logits = torch.tensor([[p_true, 1 - p_true]]).log()
    assert focal_loss(logits, torch.tensor([0]), 2.0).item() == pytest.approx(expected, abs=1e-6)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, CLASSES, generator=generator)
    labels = torch.randint(CLASSES, (50,), generator=generator)
    torch.testing.assert_close(focal_loss(logits, labels, 0.0), cross_entropy(logits, labels))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_has_finite_slopes_at_certainty(gamma: float) -> None:
    logits = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0, 0]), gamma).backward()
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, 1e-4), (50, 1e-4), (59, 1e-4), (60, 8.6071e-5), (79, 8.6071e-5), (80, 7.4082e-5), (280, 1.6530e-5)],
)
@pytest.mark.parametrize("steps", [300, 3_000, 24_000])
def test_learning_rate_drops_at_the_published_shares(epoch: int, expected: float, steps: int) -> None:
    rate = 1e-4 * multiplier(epoch * steps // 300, steps)
    assert rate == pytest.approx(expected, rel=1e-4)


def test_training_follows_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    optimizer_step = torch.optim.Adam.step

    def record(self: torch.optim.Adam, *arguments: Any, **options: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return optimizer_step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", record)
    trained(steps=15, evaluations=1)
    assert rates == [1e-4 * multiplier(taken, 15) for taken in range(15)]
    assert rates[-1] < rates[3] < rates[0]


@pytest.mark.parametrize(("count", "sizes"), [(12, [12]), (32, [32]), (33, [17, 16]), (65, [22, 22, 21])])
def test_an_epoch_has_every_row_once_in_even_batches(count: int, sizes: list[int]) -> None:
    batches = even_batches(np.arange(count), 32, np.random.default_rng(0))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))


# --- batch-norm statistics


def test_statistics_are_those_of_the_whole_set_whatever_was_before() -> None:
    inputs = torch.randn(50, 3, 7, 5, generator=torch.Generator().manual_seed(0)) * 4 + 2
    norm = nn.BatchNorm2d(3, momentum=0.01)
    norm(torch.full((8, 3, 7, 5), 1e6))
    parts = inputs.split([32, 18])
    recompute_statistics(norm, parts, norm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, inputs.mean(dim=(0, 2, 3)))
    expected = sum(len(part) / 50 * part.var(dim=(0, 2, 3)) for part in parts)
    torch.testing.assert_close(norm.running_var, expected)
    assert norm.momentum == 0.01
    assert not norm.training


def test_taking_statistics_draws_nothing_and_twice_is_once() -> None:
    made, batch = network(), torch.randn(6, 24, 40, generator=torch.Generator().manual_seed(0))
    before = torch.random.get_rng_state()
    recompute_statistics(made, [batch], made)
    once = copy.deepcopy(made.state_dict())
    recompute_statistics(made, [batch], made)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not any(m.training for m in made.modules())
    for name, value in made.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(value, once[name])


def test_scores_are_made_with_the_statistics_of_the_labelled_set() -> None:
    classifier, _ = trained()
    kept = classifier.log_probabilities(VALIDATION.rows)
    again = network()
    state = {name: torch.from_numpy(np.array(value)) for name, value in classifier.weights().items()}
    again.load_state_dict(state)
    labelled = torch.from_numpy(np.stack([SHORT[row] for row in TRAIN.rows]))
    recompute_statistics(again, [labelled], again)
    with torch.no_grad():
        logits = again(torch.from_numpy(np.stack([SHORT[row] for row in VALIDATION.rows])))
    assert kept == pytest.approx(logits.log_softmax(dim=1).numpy(), abs=1e-5)


# --- training and scoring


def test_training_reports_what_it_did() -> None:
    classifier, report = trained()
    assert classifiers.resolve("light_sernet") is LightSerNet
    scores = evaluate(classifier.log_probabilities(VALIDATION.rows), VALIDATION.labels)
    assert (report.updates, report.epochs, report.stopped) == (6, 6.0, "steps")
    assert report.validation_loss == pytest.approx(scores.loss)


@pytest.mark.parametrize(("steps", "evaluations", "expected"), [(6, 2, 2), (6, 6, 6), (5, 20, 5), (7, 2, 2)])
def test_evaluations_are_spread_over_the_run(
    steps: int, evaluations: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def count(*arguments: Any) -> None:
        calls.append(1)
        recompute_statistics(*arguments)

    monkeypatch.setattr(module, "recompute_statistics", count)
    trained(steps=steps, evaluations=evaluations)
    assert len(calls) == expected


def test_same_seeds_same_bits_and_other_seeds_others() -> None:
    state = torch.random.get_rng_state()
    first, second, other = (trained(seed=seed)[0].weights() for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["head.weight"], other["head.weight"])
    assert torch.equal(state, torch.random.get_rng_state())


def test_weights_score_again_to_the_bit() -> None:
    classifier, _ = trained()
    other = LightSerNet(LightSerNetSettings(), ClassifierInputs(SHORT, CLASSES))
    other.load(classifier.weights())
    rows = np.array([3, 19, 0])
    assert np.array_equal(other.log_probabilities(rows), classifier.log_probabilities(rows))
    assert np.array_equal(other.embeddings(rows), classifier.embeddings(rows))
    assert other.embeddings(rows).shape == (3, 320)


def test_weights_of_another_network_are_refused() -> None:
    classifier, _ = trained()
    with pytest.raises(ValueError, match="another network"):
        classifier.load({"head.weight": np.zeros(3)})


def test_training_goes_on_from_earlier_weights() -> None:
    first, _ = trained()
    kept = first.weights()
    went_on, _ = trained(start=kept, steps=1, learning_rate=1e-8)
    fresh, _ = trained(steps=1, learning_rate=1e-8)
    assert went_on.weights()["head.weight"] == pytest.approx(kept["head.weight"], abs=1e-6)
    assert np.abs(fresh.weights()["head.weight"] - kept["head.weight"]).max() > 1e-5


def test_probabilities_have_all_classes_when_one_is_labelled() -> None:
    rows = np.array([0, 4, 8])
    classifier, _ = trained(Labelled(rows, LABELS[rows]))
    assert np.isfinite(classifier.log_probabilities(VALIDATION.rows)).all()
    assert classifier.log_probabilities(VALIDATION.rows).shape == (8, CLASSES)


def test_the_losses_train_to_different_weights() -> None:
    weights = {loss: trained(loss=loss)[0].weights()["head.weight"] for loss in ("cross_entropy", "focal")}
    without_focus = trained(loss="focal", focal_gamma=0.0)[0].weights()["head.weight"]
    assert not np.array_equal(weights["cross_entropy"], weights["focal"])
    assert np.array_equal(weights["cross_entropy"], without_focus)


def test_scoring_before_training_is_refused() -> None:
    with pytest.raises(ValueError, match="fit or load"):
        LightSerNet(LightSerNetSettings(), ClassifierInputs(SHORT, CLASSES)).weights()


def test_silence_and_half_a_second_train_and_score() -> None:
    generator = np.random.default_rng(0)
    waves = [np.zeros(48_000), np.zeros(100), *(0.1 * generator.standard_normal((4, 8_000)))]
    features = ragged([EXTRACTOR.extract(wave.astype(np.float32)) for wave in waves])
    classifier = LightSerNet(LightSerNetSettings(steps=2, evaluations=1), ClassifierInputs(features, CLASSES))
    labelled = Labelled(np.arange(6), np.array([0, 1, 2, 3, 0, 1]))
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0))
    assert np.isfinite(classifier.log_probabilities(np.arange(6))).all()


def test_bf16_trains_nearly_the_same_network_where_the_processor_has_it() -> None:
    settings = LightSerNetSettings(steps=6, evaluations=2, precision="bf16")
    if not has_bf16("cpu"):
        with pytest.raises(BadValue, match="'bf16'; allowed: fp32"):
            LightSerNet(settings, ClassifierInputs(SHORT, CLASSES))
        return
    exact, _ = trained()
    quick = LightSerNet(settings, ClassifierInputs(SHORT, CLASSES))
    quick.fit(TRAIN, VALIDATION, start=None, seeds=SeedTree(0))
    rows = np.arange(20)
    assert quick.log_probabilities(rows) == pytest.approx(exact.log_probabilities(rows), abs=0.1)
    assert not np.array_equal(quick.log_probabilities(rows), exact.log_probabilities(rows))


def emodb(root: Path, per_class: int) -> tuple[Ragged, NDArray[np.int64], NDArray[np.int64]]:
    """Features of as many clips of each class of every two speakers; their classes and groups of speakers."""
    source = open_source(EmodbSettings(root=str(root / "emodb")))
    entries = source.listing().entries
    labels = np.unique([entry.emotion for entry in entries], return_inverse=True)[1]
    groups = np.unique([entry.speaker for entry in entries], return_inverse=True)[1] // 2
    kept = [
        row
        for group in range(groups.max() + 1)
        for label in range(CLASSES)
        for row in np.flatnonzero((groups == group) & (labels == label))[:per_class]
    ]
    clips = [EXTRACTOR.extract(source.read(entries[row].path).mono()) for row in kept]
    return ragged(clips), labels[kept].astype(np.int64), groups[kept].astype(np.int64)


@pytest.mark.slow
def test_overfits_32_utterances_of_real_speech(corpora: Path) -> None:
    features, labels, _ = emodb(corpora, per_class=2)
    everything = Labelled(np.arange(32), labels[:32])
    assert np.bincount(everything.labels).tolist() == [8] * CLASSES
    short = ragged([features[row][24:48] for row in range(32)])
    settings = LightSerNetSettings(steps=60, evaluations=1, learning_rate=2e-3, dropout=0.0)
    classifier = LightSerNet(settings, ClassifierInputs(short, CLASSES))
    classifier.fit(everything, everything, start=None, seeds=SeedTree(0))
    assert evaluate(classifier.log_probabilities(everything.rows), everything.labels).wa == 1.0


@pytest.mark.slow
def test_twelve_real_clips_teach_more_than_one_class(corpora: Path) -> None:
    features, labels, groups = emodb(corpora, per_class=6)
    train = np.flatnonzero(groups != 0)
    train = np.sort(np.concatenate([train[labels[train] == label][::8][:3] for label in range(CLASSES)]))
    test = np.flatnonzero(groups == 0)
    validation = np.setdiff1d(np.flatnonzero(groups == 1), train)
    classifier = LightSerNet(
        LightSerNetSettings(steps=50, evaluations=2), ClassifierInputs(features, CLASSES)
    )
    assert len(train) == 12
    classifier.fit(
        Labelled(train, labels[train]),
        Labelled(validation, labels[validation]),
        start=None,
        seeds=SeedTree(0),
    )
    scores = evaluate(classifier.log_probabilities(test), labels[test])
    assert scores.ua > 0.4
    assert len(np.unique(classifier.log_probabilities(test).argmax(axis=1))) > 1


def test_inputs_are_in_the_order_of_the_rows() -> None:
    classifier, _ = trained()
    inputs = classifier._inputs_of(classifier._pieces_of(np.array([4, 2])))
    assert np.array_equal(inputs.numpy(), np.stack([SHORT[4], SHORT[2]]))
