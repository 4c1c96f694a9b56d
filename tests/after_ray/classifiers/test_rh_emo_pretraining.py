from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy

from after_ray.classifiers import _rh_emo_pretraining as module
from after_ray.classifiers._pretraining import Pretrained
from after_ray.classifiers._rh_emo_network import (
    Autoencoder,
    Head,
    Reading,
    emotion_loss,
    network_input,
    reconstruction_loss,
)
from after_ray.classifiers._settings import LightSerNetSettings
from after_ray.classifiers._settings.rh_emo import EmotionSettings, ReconstructionSettings, RhEmoSettings
from after_ray.environment import fix_threads
from after_ray.ragged import Ragged
from after_ray.store import Checkpoint
from after_ray.weights import Weights
from tests.after_ray.classifiers.rh_emo_parts import (
    CLASSES,
    EMOTION,
    FEATURES,
    LABELS,
    RECONSTRUCTION,
    TRAIN,
    VALIDATION,
    pretrain,
    spectrograms,
    untrained,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def autoencoder(**settings: Any) -> Autoencoder:
    return Autoencoder(generator(), **settings)


def parameters(*parts: nn.Module) -> int:
    return sum(p.numel() for part in parts for p in part.parameters())


def equal(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


# --- the network


def test_parameters_are_as_many_as_published() -> None:
    with torch.device("meta"):
        heads = [Head(5, 4096, 0.5, None), *(Head(1, 4096, 0.5, None) for _ in range(3))]  # type: ignore[arg-type]
    made = autoencoder()
    assert parameters(made.encoder) == 256
    assert parameters(made.decoder) == 130
    assert parameters(*heads) == 134_283_272
    assert parameters(made, *heads) == 134_283_658


def test_the_autoencoder_has_the_published_heads() -> None:
    made = autoencoder(classes=5, dimensions=True, width=8)
    assert made.of_classes is not None
    heads = [made.of_classes, *made.of_dimensions]
    assert [parameters(head) for head in heads] == [4096 * 8 + 8 + 72 + 9 * n for n in (5, 1, 1, 1)]
    reading = made(torch.zeros(2, 1, 512, 128))
    assert reading.classes is not None
    assert reading.dimensions is not None
    assert (reading.classes.shape, reading.dimensions.shape) == ((2, 5), (2, 3))


def test_shapes_of_the_published_layers() -> None:
    made, seen = autoencoder(), []
    for layer in (*made.encoder, *made.decoder):
        layer.register_forward_hook(lambda part, inputs, output: seen.append(tuple(output.shape[1:])))
    assert made(torch.zeros(1, 1, 512, 128)).spectrograms.shape == (1, 1, 512, 128)
    pooled = [
        shape for layer, shape in zip(made.encoder, seen, strict=False) if isinstance(layer, nn.MaxPool2d)
    ]
    assert pooled == [(2, 256, 64), (4, 128, 64), (4, 64, 64)]
    grown = [seen[len(made.encoder) + place] for place in (0, 3, 6)]
    assert grown == [(4, 128, 64), (4, 256, 64), (4, 512, 128)]


def test_a_head_reads_its_own_part_alone() -> None:
    made = autoencoder(classes=5, dimensions=True, width=8).eval()
    embedded = torch.rand(2, 4, 64, 64, generator=generator())
    made.encoder = nn.Identity()  # type: ignore[assignment]
    made.decoder = nn.Identity()  # type: ignore[assignment]
    before = made(embedded)
    for part in range(4):
        changed = embedded.clone()
        changed[:, part] += 1
        after = made(changed)
        differs = [not torch.equal(before.classes, after.classes)]
        differs += [not torch.equal(before.dimensions[:, n], after.dimensions[:, n]) for n in range(3)]
        assert differs == [place == part for place in range(4)]


def test_hidden_layers_of_heads_drop_their_share_in_training_alone() -> None:
    head = autoencoder(classes=5, width=64, share=0.25).of_classes
    assert isinstance(head, Head)
    with torch.no_grad():
        head.layers[0].weight.zero_()
        head.layers[0].bias.fill_(1)
        head.layers[1].weight.copy_(torch.eye(64))
    head.layers[2] = nn.Identity()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden = head(torch.zeros(500, 64, 64))
    assert hidden.unique().tolist() == pytest.approx([0.0, (4 / 3) ** 2])
    assert (hidden > 0).float().mean().item() == pytest.approx(0.75**2, abs=0.01), "twice"
    assert (head.eval()(torch.zeros(2, 64, 64)) == 1).all()


def test_the_reconstruction_is_the_mean_of_four_channels_in_0_to_1() -> None:
    made, inputs = autoencoder().eval(), torch.rand(2, 1, 512, 128, generator=generator())
    four = made.decoder(made.encoder(inputs))
    torch.testing.assert_close(made(inputs).spectrograms[:, 0], four.mean(dim=1))
    assert 0 < four.min() < four.max() < 1


def test_the_encoder_has_a_norm_after_the_first_two_poolings_and_none_at_the_end() -> None:
    kinds = [type(layer) for layer in autoencoder().encoder]
    block = [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    assert kinds == [*block, nn.BatchNorm2d, *block, nn.BatchNorm2d, *block]


def test_inputs_are_divided_clipped_and_padded_at_the_end() -> None:
    stored = torch.full((2, 501, 128), 0.05)
    stored[0, 0, 0] = 7.0
    inputs = network_input(stored, 0.1)
    assert inputs.shape == (2, 1, 512, 128)
    assert inputs[0, 0, 0, 0] == 1, "louder than all of train"
    assert torch.equal(inputs[1, 0, :501], torch.full((501, 128), 0.5))
    assert (inputs[:, :, 501:] == 0).all()
    assert torch.isfinite(network_input(torch.zeros(1, 501, 128), 0.0)).all(), "train was silent"


# --- losses


def test_reconstruction_is_a_mean_over_places() -> None:
    guess, truth = torch.full((1, 1, 2, 2), 0.25), torch.tensor([[[[0.0, 1.0], [0.5, 0.0]]]])
    expected = (-math.log(0.75) - math.log(0.25) - 0.5 * math.log(0.25 * 0.75) - math.log(0.75)) / 4
    assert reconstruction_loss(guess, truth).item() == pytest.approx(expected)


def reading() -> Reading:
    draws = generator()
    return Reading(
        torch.rand(4, 1, 2, 2), torch.randn(4, 5, generator=draws), torch.randn(4, 3, generator=draws)
    )


def test_emotion_is_cross_entropy_and_three_weighted_binary_terms() -> None:
    made, labels = reading(), torch.tensor([0, 1, 2, 3])
    ratings = torch.tensor([[0.0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0]])
    assert made.classes is not None
    assert made.dimensions is not None
    terms = [binary_cross_entropy(made.dimensions[:, n].sigmoid(), ratings[:, n]) for n in range(3)]
    expected = cross_entropy(made.classes, labels) + 100 * sum(terms)
    torch.testing.assert_close(emotion_loss(made, labels, ratings), expected)


def test_what_nobody_rated_is_masked() -> None:
    made, labels = reading(), torch.tensor([0, 1, 2, 3])
    assert made.classes is not None
    assert made.dimensions is not None
    ratings = torch.full((4, 3), torch.nan)
    plain = cross_entropy(made.classes, labels)
    for unrated in (ratings, None):
        torch.testing.assert_close(emotion_loss(made, labels, unrated), plain)
    ratings[2, 1] = 1.0
    one = binary_cross_entropy_with_logits(made.dimensions[2, 1], torch.tensor(1.0))
    torch.testing.assert_close(emotion_loss(made, labels, ratings), plain + 100 * one)


def test_masked_ratings_leave_no_slope_and_no_hole() -> None:
    made = autoencoder(classes=5, dimensions=True, width=8)
    inputs = torch.rand(2, 1, 512, 128, generator=generator())
    emotion_loss(made(inputs), torch.tensor([0, 1]), torch.full((2, 3), torch.nan)).backward()
    assert made.of_classes is not None
    slopes = [p.grad for p in made.of_classes.parameters()]
    assert all(slope is not None and torch.isfinite(slope).all() for slope in slopes)
    assert all(p.grad is None or (p.grad == 0).all() for p in made.of_dimensions.parameters())


# --- the two steps


def test_reconstruction_learns_eight_spectrograms() -> None:
    features = spectrograms(np.ones(8, dtype=np.int64))
    short, longer = (
        pretrain(
            ReconstructionSettings(steps=steps, batch_size=8, evaluations=1, learning_rate=0.02),
            features=features,
        )
        for steps in (1, 25)
    )
    assert longer.report.validation_loss < 0.7 * short.report.validation_loss
    assert longer.report.validation_loss == longer.measures["validation_reconstruction"]


def test_the_maximum_is_that_of_train_and_stays() -> None:
    values = FEATURES.values.copy()
    values[FEATURES.offsets[5]] = 9.0  # of validation
    first = pretrain(features=Ragged(values, FEATURES.offsets))
    assert first.weights["maximum"] == max(FEATURES[row].max() for row in TRAIN)
    second = pretrain(EMOTION, {**first.weights, "maximum": np.array(0.5)})
    assert second.weights["maximum"] == 0.5


def test_the_second_step_goes_on_from_the_first() -> None:
    first = pretrain()
    still = EMOTION.model_copy(update={"learning_rate": 1e-12, "weight_decay": 0.0})
    second = pretrain(still, first.weights, seed=7)
    learned = [
        name for name in first.weights if "running" not in name and not name.endswith(("mean", "variance"))
    ]
    for name in learned:
        if "num_batches" not in name:
            np.testing.assert_allclose(second.weights[name], first.weights[name], atol=1e-6)
    assert not equal(pretrain(seed=7).weights, first.weights)
    assert set(second.measures) == {"maximum", "pieces", "validation_reconstruction", "validation_emotion"}


def test_the_second_steps_loss_has_its_weight() -> None:
    first = pretrain().weights
    light, heavy = (
        pretrain(EMOTION.model_copy(update={"emotion_weight": weight}), first) for weight in (0.01, 0.02)
    )
    ratio = heavy.measures["validation_emotion"] / light.measures["validation_emotion"]
    assert ratio == pytest.approx(2, rel=0.01)
    assert light.measures["validation_emotion"] == pytest.approx(0.01 * math.log(5), rel=0.1)
    total = light.measures["validation_reconstruction"] + light.measures["validation_emotion"]
    assert light.report.validation_loss == pytest.approx(total)


@pytest.mark.parametrize(("classes", "outputs"), [(2, 5), (4, 5), (5, 6), (7, 8)])
def test_the_head_has_a_place_for_any_other_emotion(
    classes: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    class Noting(Autoencoder):
        def __init__(self, generator: torch.Generator, classes: int = 0, **settings: Any) -> None:
            made.append(classes)
            super().__init__(generator, classes, **settings)

    monkeypatch.setattr(module, "Autoencoder", Noting)
    pretrain(EMOTION, untrained(), labels=np.arange(8) % classes, classes=classes)
    assert made == [outputs]


def test_labels_decide_the_second_step() -> None:
    heavy = EMOTION.model_copy(update={"emotion_weight": 10.0, "learning_rate": 1e-3})
    one, other = (pretrain(heavy, untrained(), labels=labels) for labels in (LABELS, LABELS[::-1]))
    assert not equal(one.weights, other.weights)


def read_by(made: Pretrained) -> Autoencoder:
    """Encoder and decoder of a step, in evaluation mode."""
    network = autoencoder().eval()
    network.load_state_dict({n: torch.from_numpy(v) for n, v in made.weights.items() if n != "maximum"})
    return network


def heard(made: Pretrained, rows: NDArray[np.int64], features: Ragged = FEATURES) -> torch.Tensor:
    pieces = np.concatenate([features[row] for row in rows.tolist()])
    return network_input(torch.from_numpy(pieces).float(), float(made.weights["maximum"]))


def test_weights_are_chosen_by_validation_and_not_by_train() -> None:
    values = FEATURES.values.copy()
    values[FEATURES.offsets[5] :] *= 10
    features = Ragged(values, FEATURES.offsets)
    made = pretrain(features=features)
    network = read_by(made)
    of_train, of_validation = (
        reconstruction_loss(network(inputs).spectrograms.detach(), inputs).item()
        for inputs in (heard(made, rows, features) for rows in (TRAIN, VALIDATION))
    )
    assert made.report.validation_loss == pytest.approx(of_validation, rel=1e-5)
    assert of_train != pytest.approx(of_validation, rel=1e-3)


def test_emotions_of_validation_are_looked_at_and_not_learned() -> None:
    heavy = EMOTION.model_copy(update={"emotion_weight": 10.0, "learning_rate": 1e-3})
    others = np.concatenate([LABELS[TRAIN], (LABELS[VALIDATION] + 1) % CLASSES])
    one, other = (pretrain(heavy, untrained(), labels=labels) for labels in (LABELS, others))
    assert equal(one.weights, other.weights)
    assert one.measures["validation_emotion"] != other.measures["validation_emotion"]


def test_norms_are_kept_with_the_statistics_of_all_of_train() -> None:
    made = pretrain()
    network = read_by(made)
    values = heard(made, TRAIN)
    for place, layer in enumerate(network.encoder):
        if isinstance(layer, nn.BatchNorm2d):
            mean, variance = values.mean(dim=(0, 2, 3)).numpy(), values.var(dim=(0, 2, 3)).numpy()
            np.testing.assert_allclose(made.weights[f"encoder.{place}.running_mean"], mean, rtol=0.01)
            np.testing.assert_allclose(made.weights[f"encoder.{place}.running_var"], variance, rtol=0.01)
            layer.train()  # as in training, it normalises by its batch while they are taken
        values = layer(values).detach()
    grown = network.decoder[1](network.decoder[0](values)).detach()
    parts = grown.unflatten(1, (4, -1)).mean(dim=(0, 2, 3, 4)).numpy()
    np.testing.assert_allclose(made.weights["decoder.2.mean"], parts, rtol=0.01)


def test_every_batch_of_statistics_is_from_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    recompute = module.recompute_statistics

    def noting(network: nn.Module, batches: Any, run: Any) -> None:
        seen[:] = list(batches)
        recompute(network, seen, run)

    monkeypatch.setattr(module, "recompute_statistics", noting)
    monkeypatch.setattr(module, "SCORING_BATCH", 3)
    pieces = heard(pretrain(), TRAIN)
    assert len(pieces) == 8
    assert len(seen) == 3
    assert all(torch.equal(batch, pieces[first::3]) for first, batch in enumerate(seen))


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        (RECONSTRUCTION, {"weight_decay": 0.1}),
        (EMOTION, {"weight_decay": 0.1}),
        (EMOTION, {"head_dropout": 0.0}),
        (EMOTION, {"head_width": 8}),
    ],
)
def test_what_a_step_says_decides_what_is_learned(step: Any, changed: dict[str, float]) -> None:
    step = step.model_copy(update={"learning_rate": 1e-3})
    if step.with_labels:
        step = step.model_copy(update={"emotion_weight": 10.0})
    plain, other = (pretrain(one, untrained()) for one in (step, step.model_copy(update=changed)))
    assert not equal(plain.weights, other.weights)


def test_a_step_without_improvement_is_out_of_patience() -> None:
    hasty = RECONSTRUCTION.model_copy(update={"steps": 12, "evaluations": 12, "learning_rate": 1.0})
    patient, impatient = (
        pretrain(hasty.model_copy(update={"patience": patience})).report for patience in (0, 1)
    )
    assert (patient.stopped, patient.updates) == ("steps", 12)
    assert impatient.stopped == "patience"
    assert impatient.updates < 12


def test_same_seeds_same_bits_and_the_global_generator_stays() -> None:
    state = torch.random.get_rng_state()
    first = pretrain()
    assert equal(pretrain().weights, first.weights)
    second = pretrain(EMOTION, first.weights)
    assert equal(pretrain(EMOTION, first.weights).weights, second.weights)
    assert torch.equal(state, torch.random.get_rng_state())


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.parametrize("step", [RECONSTRUCTION, EMOTION], ids=lambda step: step.name)
def test_a_killed_step_goes_on_to_the_same_bits(
    step: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = step.model_copy(update={"steps": 4, "evaluations": 2})
    previous = untrained() if step.with_labels else None
    expected = pretrain(step, previous)
    save, saved = Checkpoint.save, []

    def killing(self: Checkpoint, arrays: Any, values: Any) -> None:
        save(self, arrays, values)
        saved.append(values)
        if len(saved) == 2:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", killing)
    with pytest.raises(Killed):
        pretrain(step, previous, checkpoint=Checkpoint(tmp_path / "state", every=0))
    monkeypatch.setattr(Checkpoint, "save", save)
    again = pretrain(step, previous, checkpoint=Checkpoint(tmp_path / "state", every=0))
    assert again.report.resumed == 1
    assert equal(again.weights, expected.weights)
    assert again.measures == expected.measures


def test_silence_is_pretrained_on_as_well() -> None:
    silent = Ragged(np.zeros_like(FEATURES.values), FEATURES.offsets)
    made = pretrain(features=silent)
    assert made.weights["maximum"] == 0
    assert all(np.isfinite(value).all() for value in made.weights.values())


# --- settings


def test_a_step_that_is_not_taken_means_nothing() -> None:
    plain = RhEmoSettings(supervised=False)
    assert "emotion" not in plain.meaning()
    assert [step.name for step in plain.pretraining] == ["reconstruction"]
    assert [step.name for step in RhEmoSettings().pretraining] == ["reconstruction", "emotion"]
    assert (plain.needs_all_labels, RhEmoSettings().needs_all_labels) == (False, True)
    assert RhEmoSettings(emotion=EMOTION).meaning() != RhEmoSettings().meaning()


def test_settings_of_a_step_that_is_not_taken_are_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"'emotion' has steps: 2.*head_width: 16 and 'supervised' is fa"
    ):
        RhEmoSettings(supervised=False, emotion=EMOTION)
    written = RhEmoSettings(supervised=False, emotion=EmotionSettings(epochs=None, steps=500))
    assert written == RhEmoSettings(supervised=False), "which says nothing else than the default"


def test_steps_or_epochs() -> None:
    assert ReconstructionSettings(epochs=3).updates(101) == 9
    assert ReconstructionSettings(steps=7).updates(101) == 7


def test_losses_of_lost_numbers_are_none_and_no_error_of_torch() -> None:
    lost = torch.full((2, 1, 4, 4), torch.nan)
    assert reconstruction_loss(lost, torch.zeros(2, 1, 4, 4)).isnan()


def test_a_rate_without_published_changes_means_nothing() -> None:
    constant, published = (RhEmoSettings(rate=rate).meaning() for rate in ("constant", "published"))
    assert constant == published
    assert "rate" in LightSerNetSettings(rate="constant").meaning()


def test_steps_mean_nothing_where_epochs_say_the_length() -> None:
    one, other = (ReconstructionSettings(epochs=3, steps=steps).meaning() for steps in (7, 8))
    assert one == other
    assert one["epochs"] == 3
    assert "steps" not in one
    assert ReconstructionSettings(steps=7).meaning() != ReconstructionSettings(steps=8).meaning()


def test_published_values_are_the_defaults() -> None:
    first, second = RhEmoSettings().pretraining
    assert (first.learning_rate, first.batch_size, first.weight_decay) == (1e-3, 50, 0.0)
    assert (second.learning_rate, second.batch_size, second.weight_decay) == (1e-6, 20, 1e-5)
    emotion = RhEmoSettings().emotion
    assert (emotion.emotion_weight, emotion.head_width) == (0.01, 4096)
    assert emotion.head_dropout == 0.5


@pytest.mark.gpu
@pytest.mark.parametrize("step", [RECONSTRUCTION, EMOTION], ids=lambda step: step.name)
def test_a_gpu_pretrains_nearly_the_same(step: Any) -> None:
    step = step.model_copy(update={"head_dropout": 0.0} if step.with_labels else {})
    previous = untrained() if step.with_labels else None
    here, there = (pretrain(step, previous, device=device) for device in ("cpu", "cuda"))
    assert there.report.validation_loss == pytest.approx(here.report.validation_loss, rel=1e-3)
    for name, value in here.weights.items():
        np.testing.assert_allclose(there.weights[name], value, atol=2e-3)
