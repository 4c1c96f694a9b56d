from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from after_ray.backbones.dropout import DrawnDropout
from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled, _backbone_classifier, classifiers
from after_ray.classifiers._backbone_network import augmentation
from after_ray.classifiers._pooled_network import PooledNetwork
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.errors import BadValue
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.precision import has_bf16
from after_ray.training.settings import FittingSettings, Precision

Tiny = Callable[..., BackboneSettings]
Make = Callable[..., PooledTransformer]
FITTING = FittingSettings(
    max_epochs=2, min_updates=6, batch_size=8, learning_rate=1e-3, evaluations_per_epoch=1
)
SETTINGS = PooledTransformerSettings(fitting=FITTING)
UNMASKED = {"mask_time_probability": 0.0, "mask_feature_probability": 0.0}
TRAIN = Labelled(np.arange(16), np.arange(16) % 2)
VALIDATION = Labelled(np.arange(16, 24), np.arange(16, 24) % 2)
ALL = np.arange(24)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def make(tiny: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged]) -> Make:
    """Makes a classifier of the rows of `sound`; changes go into its settings."""

    def made(norm: str = "group", classes: int = 3, **changes: object) -> PooledTransformer:
        none = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "layerdrop": 0.0}
        backbone = tiny(norm, **none)
        extractor = FrontEnd(FrontEndFeatures(backbone=backbone), None, "cpu")
        waves = [sound[row].astype(np.float32) / 32768 for row in range(len(sound))]
        features = make_ragged([extractor.extract(wave) for wave in waves])
        settings = SETTINGS.model_copy(update=changes)
        return PooledTransformer.build(settings, ClassifierInputs(features, classes), backbone)

    return made


def fit(classifier: PooledTransformer, seed: int = 0, **arguments: object) -> object:
    wanted = {"train": TRAIN, "validation": VALIDATION, "start": None} | arguments
    return classifier.fit(**wanted, seeds=SeedTree(seed))  # type: ignore[arg-type]


def test_it_is_found_by_name_and_needs_a_backbone(sound: Ragged) -> None:
    assert classifiers.resolve("pooled_transformer") is PooledTransformer
    with pytest.raises(ValueError, match="needs a backbone"):
        PooledTransformer.build(SETTINGS, ClassifierInputs(sound, 2), None)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_cached_features_give_what_the_whole_backbone_gives(
    make: Make, tiny: Tiny, sound: Ragged, norm: str
) -> None:
    """The live model, run from the waveform, up to the half precision of the stored features."""
    classifier = make(norm, drop_last_frame=False)
    fit(classifier)
    model = build(tiny(norm))
    encoder = {n[8:]: torch.from_numpy(v) for n, v in classifier.weights().items() if n.startswith("encoder")}
    model.encoder.load_state_dict(encoder)
    for row in (0, 5):
        wave = torch.from_numpy(sound[row].astype(np.float32) / 32768)[None]
        with torch.no_grad():
            live = model(wave).last_hidden_state.relu().mean(dim=1)[0]
        np.testing.assert_allclose(classifier.embeddings(np.array([row]))[0], live, atol=5e-3)


def dropping(make_backbone: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged]) -> PooledTransformer:
    """A classifier whose dropouts are all on, and nothing else that draws in training but the order."""
    backbone = make_backbone(hidden_dropout=0.2, attention_dropout=0.2, activation_dropout=0.2, layerdrop=0.0)
    extractor = FrontEnd(FrontEndFeatures(backbone=backbone), None, "cpu")
    waves = [sound[row].astype(np.float32) / 32768 for row in range(len(sound))]
    inputs = ClassifierInputs(make_ragged([extractor.extract(wave) for wave in waves]), 3)
    settings = SETTINGS.model_copy(update={**UNMASKED, "head_dropout": 0.2})
    return PooledTransformer.build(settings, inputs, backbone)


def test_every_dropout_draws_from_a_generator_that_is_passed(
    tiny: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's default generator stays where it is from the first step to the last."""
    seen = []
    step = torch.optim.Adam.step

    def watching(self: torch.optim.Adam, *arguments: object) -> object:
        seen.append(torch.get_rng_state())
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", watching)
    classifier = dropping(tiny, sound, make_ragged)
    fit(classifier)
    assert len(seen) > 3
    assert all(torch.equal(state, seen[0]) for state in seen)
    kinds = {type(module) for module in classifier._network.modules()}
    assert DrawnDropout in kinds
    assert torch.nn.Dropout not in kinds


def test_other_seeds_drop_other_elements(
    tiny: Tiny, sound: Ragged, make_ragged: Callable[..., Ragged], monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over = []

    def keeping(network: torch.nn.Module, generator: np.random.Generator) -> None:
        handed_over.append(generator.bit_generator.state["state"]["state"])

    monkeypatch.setattr(_backbone_classifier, "draw_dropout", keeping)
    for seeds in (SeedTree(0), SeedTree(0), SeedTree(1), SeedTree(0).child("fit", 8)):
        dropping(tiny, sound, make_ragged).fit(TRAIN, VALIDATION, start=None, seeds=seeds)
    assert handed_over[0] == handed_over[1]
    assert len(set(handed_over)) == 3


def test_weights_are_made_once_for_all_passes_of_a_scoring(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = make()
    fit(classifier)
    monkeypatch.setitem(_backbone_classifier.LIMITS, "cpu", _backbone_classifier.Limits(60, 60, 1))
    made = []
    (normed,) = [m for m in classifier._network.modules() if type(m).__name__ == "_WeightNorm"]
    normed.register_forward_hook(lambda *_: made.append(1))
    assert len(classifier._passes(ALL)) > 3
    classifier.log_probabilities(ALL)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("gigabytes", "layers", "width", "precision", "all_at_once"),
    [(16, 12, 768, "bf16", True), (24, 24, 1024, "fp32", False), (80, 24, 1024, "fp32", True)],
)
def test_a_pass_takes_no_more_than_half_of_a_gpus_memory(
    gigabytes: int, layers: int, width: int, precision: Precision, all_at_once: bool
) -> None:
    frames = _backbone_classifier.fitting_frames(gigabytes * 10**9, layers * width, precision)
    needed = frames * layers * width * _backbone_classifier.BYTES[precision]
    assert needed <= gigabytes * 10**9 / 2
    assert needed + layers * width * _backbone_classifier.BYTES[precision] > gigabytes * 10**9 / 2
    assert (frames >= _backbone_classifier.LIMITS["cuda"].frames) == all_at_once


def test_scores_come_in_the_order_asked_for(make: Make) -> None:
    classifier = make()
    fit(classifier)
    order = np.random.default_rng(0).permutation(ALL)
    np.testing.assert_allclose(
        classifier.log_probabilities(order), classifier.log_probabilities(ALL)[order], atol=1e-5
    )


def test_probabilities_have_every_class_also_one_without_labels(make: Make) -> None:
    classifier = make(classes=5, fitting=FITTING.model_copy(update={"class_weights": "inverse_frequency"}))
    fit(classifier)
    scores = classifier.log_probabilities(ALL)
    assert scores.shape == (24, 5)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-12)


def test_sixteen_clips_can_be_learnt_by_heart(make: Make) -> None:
    fitting = FittingSettings(
        max_epochs=60, min_updates=0, batch_size=8, learning_rate=3e-3, evaluations_per_epoch=1
    )
    classifier = make(**UNMASKED, fitting=fitting)
    labels = np.random.default_rng(3).integers(0, 2, 16)
    fit(classifier, train=Labelled(TRAIN.rows, labels), validation=Labelled(TRAIN.rows, labels))
    assert (classifier.log_probabilities(TRAIN.rows).argmax(axis=1) == labels).all()


def test_equal_seeds_give_equal_bits_and_other_seeds_other_bits(make: Make) -> None:
    def trained(seed: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        classifier = make(head_dropout=0.2)
        fit(classifier, seed)
        return dict(classifier.weights())

    first, again, other = trained(1), trained(1), trained(2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["head.weight"], other["head.weight"])


def test_a_refit_forgets_the_fit_before(make: Make) -> None:
    once, twice = make(), make()
    fit(once, 1)
    fit(twice, 2)
    fit(twice, 1)
    assert np.array_equal(once.log_probabilities(ALL), twice.log_probabilities(ALL))


def test_loaded_weights_score_the_same(make: Make) -> None:
    classifier, other = make(), make()
    fit(classifier)
    other.load(classifier.weights())
    assert np.array_equal(classifier.log_probabilities(ALL), other.log_probabilities(ALL))


def test_weights_of_another_network_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="another network"):
        make().load({"head.weight": np.zeros((3, 32))})


def test_training_goes_on_from_earlier_weights(make: Make) -> None:
    classifier = make(
        **UNMASKED, fitting=FITTING.model_copy(update={"learning_rate": 1e-12, "max_epochs": 1})
    )
    fit(classifier)
    start = {name: value + 0.01 for name, value in classifier.weights().items()}
    fit(classifier, start=start)
    for name, value in classifier.weights().items():
        np.testing.assert_allclose(value, start[name], atol=1e-6)


@pytest.mark.parametrize("frozen", [True, False])
def test_only_what_changes_is_kept(make: Make, frozen: bool) -> None:
    classifier = make(freeze_projection=frozen)
    fit(classifier)
    parts = {name.split(".")[0] for name in classifier.weights()}
    assert parts == {"encoder", "head"} | (set() if frozen else {"projection"})


def test_a_frozen_projection_stays_as_adapted(make: Make, tiny: Tiny) -> None:
    classifier = make()
    fit(classifier)
    kept = arrays(classifier._network.projection)
    for name, value in arrays(build(tiny()).feature_projection).items():
        assert np.array_equal(kept[name], value)


def test_adapted_weights_are_where_training_starts(make: Make) -> None:
    plain, adapted = make(), make()
    backbone = {name: 1.1 * value for name, value in arrays(build(plain._backbone)).items()}
    adapted._inputs = ClassifierInputs(plain._inputs.features, 3, backbone)
    start, changed = plain._drawn(SeedTree(0)), adapted._drawn(SeedTree(0))
    assert torch.equal(start.head.weight, changed.head.weight)
    torch.testing.assert_close(
        1.1 * start.encoder.layers[0].feed_forward.output_dense.weight,
        changed.encoder.layers[0].feed_forward.output_dense.weight,
    )


def test_scoring_before_training_is_an_error(make: Make) -> None:
    with pytest.raises(ValueError, match="fit or load"):
        make().log_probabilities(ALL)


def test_class_weights_are_inverse_frequencies_with_one_more_of_each(make: Make) -> None:
    labels = np.array([0] * 9 + [1] * 4 + [2] * 3)
    weighted = make(classes=4, fitting=FITTING.model_copy(update={"class_weights": "inverse_frequency"}))
    weights = weighted._class_weights(Labelled(np.arange(16), labels)).numpy()
    np.testing.assert_allclose(weights / weights[0], [1, 10 / 5, 10 / 4, 10], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
    assert make()._class_weights(TRAIN).tolist() == [1, 1, 1]


def test_the_loss_of_a_step_does_not_depend_on_its_passes(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.classifiers import _backbone_classifier

    one_step = FittingSettings(max_epochs=1, min_updates=1, batch_size=16, class_weights="inverse_frequency")

    def gradients() -> dict[str, torch.Tensor]:
        classifier = make(**UNMASKED, fitting=one_step)
        fit(classifier)
        named = classifier._network.named_parameters()
        return {name: value.grad for name, value in named if value.grad is not None}

    whole = gradients()
    monkeypatch.setitem(_backbone_classifier.LIMITS, "cpu", _backbone_classifier.Limits(60, 60, 50))
    for name, value in gradients().items():
        torch.testing.assert_close(value, whole[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("drop", "frames"), [(False, 5), (True, 4)])
def test_the_mean_takes_the_frames_it_should(tiny: Tiny, drop: bool, frames: int) -> None:
    settings = PooledTransformerSettings(drop_last_frame=drop)
    backbone = build(tiny())
    network = PooledNetwork(backbone, 2, settings, torch.Generator().manual_seed(0)).eval()
    features = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([5, 1])
    with torch.no_grad():
        hidden = network.projection(features[:1, :5])[0]
        encoded = network.encoder(hidden).last_hidden_state[0].relu()
        pooled = network.pooled(features, lengths)
    torch.testing.assert_close(pooled[0], encoded[:frames].mean(dim=0), atol=1e-5, rtol=1e-5)
    assert pooled[1].abs().sum() > 0  # one frame: kept even when the last is dropped


def test_masked_frames_and_columns_are_not_seen(tiny: Tiny) -> None:
    network = PooledNetwork(build(tiny()), 2, PooledTransformerSettings(), torch.Generator()).eval()
    features = torch.randn(1, 9, 16, generator=torch.Generator().manual_seed(1))
    time_mask = torch.zeros(1, 9, dtype=torch.bool)
    time_mask[0, 3:6] = True
    changed = features.clone()
    changed[0, 3:6] = 7
    columns = torch.ones(1, 32, dtype=torch.bool)
    length = torch.tensor([9])
    with torch.no_grad():
        same = [network.pooled(x, length, time_mask) for x in (features, changed)]
        other = network.pooled(changed, length)
        nothing = [network.pooled(x, length, None, columns) for x in (features, changed)]
    assert torch.equal(*same)
    assert not torch.allclose(same[0], other)
    assert torch.equal(*nothing)


def test_augmentation_has_the_published_shares_and_fits_small_models() -> None:
    settings, lengths = PooledTransformerSettings(), np.full(400, 224)
    time_mask, base = augmentation(lengths, 768, settings, np.random.default_rng(0))
    _, small = augmentation(lengths, 32, settings, np.random.default_rng(0))
    assert time_mask is not None
    assert base is not None
    assert small is not None
    assert time_mask.float().mean() == pytest.approx(2 * 15 / 224, abs=0.01)  # the two spans at least
    assert base.float().mean() == pytest.approx(64 / 768, abs=0.001)  # the one span at least
    assert small.float().mean() == pytest.approx(1 / 8, abs=0.001)
    off = PooledTransformerSettings(mask_time_probability=0, mask_feature_probability=0)
    assert augmentation(lengths, 32, off, np.random.default_rng(0)) == (None, None)


def test_the_official_order_of_training_is_that_of_labelling_without_the_last_batch(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = FITTING.model_copy(update={"order": "acquired", "drop_last": True, "batch_size": 6})
    classifier, seen = make(**UNMASKED, fitting=official), []
    original = PooledTransformer._logits

    def spy(self: PooledTransformer, rows: np.ndarray, masks: np.random.Generator) -> torch.Tensor:
        seen.append(sorted(rows.tolist()))
        return original(self, rows, masks)

    monkeypatch.setattr(PooledTransformer, "_logits", spy)
    monkeypatch.setattr(PooledTransformer, "_passes", lambda self, rows: [np.arange(len(rows))])
    acquired = np.random.default_rng(0).permutation(TRAIN.rows)
    fit(classifier, train=Labelled(TRAIN.rows, TRAIN.labels, acquired))
    assert seen[:2] == [sorted(acquired[:6].tolist()), sorted(acquired[6:12].tolist())]
    assert seen[2] == seen[0], "16 clips in batches of 6 are two steps an epoch"


def test_bf16_trains_nearly_the_same_network_where_the_processor_has_it(make: Make) -> None:
    in_bf16 = {**UNMASKED, "fitting": FITTING.model_copy(update={"precision": "bf16"})}
    if not has_bf16("cpu"):
        with pytest.raises(BadValue, match="'bf16'; allowed: fp32"):
            make(**in_bf16)
        return
    exact, quick = make(**UNMASKED), make(**in_bf16)
    reports = [fit(exact), fit(quick)]
    assert [report.precision for report in reports] == ["fp32", "bf16"]  # type: ignore[attr-defined]
    difference = np.abs(exact.log_probabilities(ALL) - quick.log_probabilities(ALL))
    assert 0 < difference.max() < 0.1
    assert {value.dtype for value in quick.weights().values()} == {np.dtype(np.float32)}


@pytest.mark.slow
def test_a_compiled_network_is_the_same_network(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    original = torch.nn.Module.compile

    def traced_only(self: torch.nn.Module, **options: object) -> None:
        compiled.append(bool(options["dynamic"]))
        original(self, backend="aot_eager", **options)  # the whole tracing, without a C++ compiler

    monkeypatch.setattr(torch.nn.Module, "compile", traced_only)
    plain, other = make(**UNMASKED), make(**UNMASKED)
    other._inputs = replace(plain._inputs, compile=True)
    fit(plain)
    fit(other)
    assert compiled == [True]
    assert other.weights().keys() == plain.weights().keys()
    np.testing.assert_allclose(other.log_probabilities(ALL), plain.log_probabilities(ALL), atol=1e-4)


def test_spec_augment_is_on_in_training_and_off_in_scoring(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked: list[tuple[bool, bool]] = []
    original = PooledNetwork.forward

    def spy(
        self: PooledNetwork, features: torch.Tensor, lengths: object, *masks: torch.Tensor
    ) -> torch.Tensor:
        drawn = [mask is not None and bool(mask.any()) for mask in masks]
        masked.append((self.training, len(drawn) == 2 and all(drawn)))
        return original(self, features, lengths, *masks)  # type: ignore[arg-type]

    monkeypatch.setattr(PooledNetwork, "forward", spy)
    classifier = make()
    fit(classifier)
    classifier.log_probabilities(ALL)
    assert set(masked) == {(True, True), (False, False)}


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_training_and_scoring_are_both_in_the_precision_asked_for(
    make: Make, monkeypatch: pytest.MonkeyPatch, precision: str, kind: torch.dtype
) -> None:
    monkeypatch.setattr("after_ray.training.precision.has_bf16", lambda device: True)
    kinds: set[tuple[bool, torch.dtype]] = set()
    original = PooledNetwork.forward

    def spy(self: PooledNetwork, *inputs: torch.Tensor) -> torch.Tensor:
        logits = original(self, *inputs)
        kinds.add((self.training, logits.dtype))
        return logits

    monkeypatch.setattr(PooledNetwork, "forward", spy)
    classifier = make(fitting=FITTING.model_copy(update={"precision": precision}))
    fit(classifier)
    assert kinds == {(True, kind), (False, kind)}
