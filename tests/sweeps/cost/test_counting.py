"""The work of classifiers and of adaptations, against numbers by hand and against the networks themselves."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from after_ray.adaptation.settings import PseudoTaptSettings, TaptSettings
from after_ray.backbones.operations import Shape, per_clip
from after_ray.classifiers._quaternion import QuaternionConv2d, QuaternionLinear
from after_ray.classifiers._quaternion_networks import NetworkName, QuaternionNetwork
from after_ray.classifiers._settings import (
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    PooledTransformerSettings,
    RhEmoSettings,
    Stepped,
    Trained,
)
from after_ray.features import FunctionalFeatures
from after_ray.training.settings import FittingSettings
from sweeps.cost.clips import Clips, mean_step
from sweeps.cost.counting import (
    ENCODER_MULTIPLICATIONS,
    LIGHT_MULTIPLICATIONS,
    QUATERNION_MULTIPLICATIONS,
    PooledCount,
    SolverCount,
    SpectralCount,
    count_of,
    pieces_of,
    segments_of,
    times_of,
)
from sweeps.cost.work import adaptation_work

SHAPE = Shape.of({"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "conv_dim": (16,) * 7})
TWO_SECONDS = Clips(1, 2.0, 4.0)
CLIP = per_clip(SHAPE, 2.0, 4.0, front_end=False)
NONE = TWO_SECONDS.number(0)


def pooled(**fitting: object) -> PooledCount:
    settings = PooledTransformerSettings(fitting=FittingSettings.model_validate(fitting))
    return PooledCount(settings, SHAPE)


def test_epochs_over_the_labelled_set_by_hand() -> None:
    # 100 clips are 2 steps of 64 and 36 an epoch: 20 epochs are 40 steps and 20 x 100 clips.
    count = pooled(max_epochs=20, min_updates=0)
    assert count.fit(TWO_SECONDS.number(100), NONE) == pytest.approx(6 * 20 * 100 * CLIP)


def test_a_small_round_is_extended_to_its_least_updates() -> None:
    # 10 clips are one step of 10 an epoch: 200 steps are 2,000 clips.
    count = pooled(max_epochs=20, min_updates=200)
    assert count.fit(TWO_SECONDS.number(10), NONE) == pytest.approx(6 * 200 * 10 * CLIP)


def test_whole_batches_alone_leave_the_rest_out() -> None:
    count = pooled(max_epochs=1, min_updates=0, drop_last=True)
    assert count.fit(TWO_SECONDS.number(100), NONE) == pytest.approx(6 * 64 * CLIP)


def test_every_look_at_validation_counts() -> None:
    count = pooled(max_epochs=20, min_updates=200, evaluations_per_epoch=5)
    looks = count.fit(TWO_SECONDS.number(10), TWO_SECONDS.number(7)) - count.fit(TWO_SECONDS.number(10), NONE)
    assert looks == pytest.approx(100 * 2 * 7 * CLIP)  # 200 updates, one look at every second


@pytest.mark.parametrize("fitting", [{"max_epochs": 3}, {"min_updates": 7}, {"drop_last": True}])
def test_updates_and_looks_are_those_of_the_training(fitting: dict[str, object]) -> None:
    from after_ray.training.fit import epochs_plan

    plain = {"max_epochs": 2, "min_updates": 0, "batch_size": 8, "evaluations_per_epoch": 3, **fitting}
    count, size = pooled(**plain), 21
    plan = epochs_plan(size, count.settings.fitting)
    looks = -(-plan.max_updates // plan.evaluate_every)
    clips = plan.max_updates * (8 if fitting.get("drop_last") else size / 3)
    expected = 6 * clips * CLIP + looks * 2 * CLIP
    assert count.fit(TWO_SECONDS.number(size), TWO_SECONDS) == pytest.approx(expected)


def test_a_front_end_that_is_trained_counts_in_every_pass() -> None:
    settings = PooledTransformerSettings(freeze_front_end=False, freeze_projection=False)
    live = PooledCount(settings, SHAPE).forward(TWO_SECONDS)
    assert live == pytest.approx(2 * (CLIP + 2 * SHAPE.front_end))


def test_light_sernet_has_the_multiplications_of_its_network() -> None:
    import torch

    from after_ray.classifiers._light_network import LightNetwork

    counted = multiplications(LightNetwork(4, 0.3, torch.Generator()), torch.zeros(1, 184, 40))
    assert pytest.approx(counted, rel=0.03) == LIGHT_MULTIPLICATIONS * 184 * 40


def multiplications(network: Any, pieces: Any) -> int:
    """Of all convolutions of a network, for one piece."""
    import torch
    from torch import nn

    counted = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        counted.append(output[0].numel() * layer.weight[0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(pieces)
    return sum(counted)


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_lssed_has_the_multiplications_of_its_network(depth: Literal[50, 101, 152]) -> None:
    import torch

    from after_ray.classifiers._lssed_network import LssedNetwork

    counted = multiplications(LssedNetwork(depth, 4, 0.5, torch.Generator()), torch.zeros(1, 128, 300))
    ours = count_of(LssedSettings(depth=depth), None).forward(Clips(1, 2.0, 4.0)) / 2
    assert ours == pytest.approx(counted, rel=0.03)


def test_steps_of_a_convolutional_network_by_hand() -> None:
    count = count_of(LightSerNetSettings(steps=100, batch_size=32, evaluations=4), None)
    assert isinstance(count, SpectralCount)
    each = count.forward(TWO_SECONDS) / 2
    ten, five = TWO_SECONDS.number(10), TWO_SECONDS.number(5)
    assert count.fit(ten, five) == pytest.approx(6 * 100 * 10 * each + 4 * 2 * 15 * each)


def test_epochs_of_a_convolutional_network_by_hand() -> None:
    count = count_of(LightSerNetSettings(epochs=3, batch_size=4, evaluations=1), None)
    each, ten = count.forward(TWO_SECONDS) / 2, TWO_SECONDS.number(10)
    assert count.fit(ten, NONE) == pytest.approx(6 * 3 * 3 * 4 * each + 2 * 10 * each)  # 3 steps an epoch


@pytest.mark.parametrize("seconds", [1.8, 2.0])
def test_glam_has_the_multiplications_of_its_network(seconds: float) -> None:
    from after_ray.classifiers._glam_network import GlamNetwork, token_width

    settings = GlamSettings(seconds=seconds)
    shape = (26, times_of(settings))
    network, counted = GlamNetwork(4, shape, 0.0, torch.Generator()).eval(), []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        counted.append(output[0].numel() * layer.weight[0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network(torch.zeros(1, *shape))
    counted.append(128 * 128 * 2 * token_width(shape))  # the mixing of the gate is no layer
    one = Clips(1, seconds, seconds**2)
    assert count_of(settings, None).forward(one) == pytest.approx(2 * sum(counted), rel=0.03)


@pytest.mark.parametrize("settings", [GlamSettings(), GlamSettings(seconds=0.5, overlap=0.1)])
def test_segments_are_counted_as_they_are_cut(settings: GlamSettings) -> None:
    from after_ray.features._settings import MfccSegmentFeatures
    from after_ray.features.mfcc_segments import MfccSegments

    wanted = settings.features(None)
    assert isinstance(wanted, MfccSegmentFeatures)
    extractor = MfccSegments(wanted, None, "cpu")
    seconds = np.random.default_rng(0).uniform(2, 9, 2000)
    cut = sum(extractor.frames(round(one * 16_000)) for one in seconds)
    assert segments_of(settings, Clips.of(seconds)) == pytest.approx(cut, rel=0.01)
    assert segments_of(settings, Clips(3, 0.2, 0.04)) == 3, "a short clip is repeated"
    assert extractor.inner == (26, times_of(settings))


@pytest.mark.parametrize(("length", "steps"), [({"steps": 100}, 100), ({"epochs": 7}, 14)])
def test_steps_of_batches_of_segments_by_hand(length: dict[str, int], steps: int) -> None:
    settings = GlamSettings(**length, batch_size=16, evaluations=4)
    count, clip = count_of(settings, None), Clips(1, 2.1, 2.1**2)  # 1.5 - 0.5 shifts: two segments
    assert isinstance(count, SpectralCount)
    segment = count.forward(clip) / 2
    expected = 3 * steps * 16 * segment + 4 * 15 * 2 * segment
    assert count.fit(clip.number(10), clip.number(5)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["resnet50", "alexnet", "vgg16"])
def test_multiplications_of_quaternion_networks(name: NetworkName) -> None:
    network = QuaternionNetwork(name, 4, 0.0, torch.Generator().manual_seed(0)).eval()
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        counted.append(4 * layer.components.numel() * math.prod(output.shape[2:]))  # type: ignore[operator]

    for layer in network.modules():
        if isinstance(layer, QuaternionConv2d | QuaternionLinear):
            layer.register_forward_hook(count)
    network(torch.zeros(1, 4, 64, 64))
    assert QUATERNION_MULTIPLICATIONS[name] == pytest.approx(sum(counted), rel=1e-3)


def test_rh_emo_by_hand() -> None:
    count = count_of(RhEmoSettings(steps=100, batch_size=20, evaluations=4), None)
    network, encoder = QUATERNION_MULTIPLICATIONS["resnet50"], ENCODER_MULTIPLICATIONS
    assert count.forward(TWO_SECONDS.number(3)) == 2 * 3 * (network + encoder), "a short clip is one piece"
    ten, five = TWO_SECONDS.number(10), TWO_SECONDS.number(5)
    looks = 4 * (count.forward(ten) + count.forward(five))
    assert count.fit(ten, five) == pytest.approx(100 * 10 * (6 * network + 2 * encoder) + looks)
    assert pieces_of(Clips(2, 10.02, 100.0)) == pytest.approx(2 * 2.0)


def test_a_solver_grows_with_the_labelled_set() -> None:
    count = count_of(FunctionalsSettings(), None)
    assert count.fit(TWO_SECONDS.number(20), NONE) == 2 * count.fit(TWO_SECONDS.number(10), NONE)


def test_an_adaptation_by_hand() -> None:
    step = Clips(3, 2.0, 4.0)
    settings = TaptSettings(steps=10)
    whole = per_clip(SHAPE, 2.0, 4.0, front_end=True)
    assert adaptation_work(settings, "quantizer", SHAPE, step, NONE).operations == pytest.approx(
        10 * 3 * 6 * whole
    )
    frozen = settings.model_copy(update={"train_front_end": False})
    expected = 10 * 3 * (6 * CLIP + 2 * 2 * SHAPE.front_end)
    assert adaptation_work(frozen, "quantizer", SHAPE, step, NONE).operations == pytest.approx(expected)
    train = TWO_SECONDS.number(50)
    clusters = adaptation_work(settings, "clusters", SHAPE, step, train).operations
    assert clusters == pytest.approx(10 * 3 * 6 * whole + 2 * 2 * 50 * whole)


def test_a_pseudo_tapt_by_hand() -> None:
    from after_ray.adaptation.pseudo_tapt import _codebooks, _emotion_frames, _emotion_network
    from sweeps.cost import emotions

    theirs = (_emotion_network.BLOCKS, _emotion_network.KERNEL, _codebooks.EPOCHS)
    assert theirs == (emotions.BLOCKS, emotions.KERNEL, emotions.EPOCHS)
    assert emotions.FRAMES_PER_CLUSTER == _codebooks.FRAMES_PER_CLUSTER
    looks = (_emotion_frames.EVALUATIONS, _emotion_frames.VALIDATION_SHARE)
    assert looks == (emotions.EVALUATIONS, emotions.VALIDATION_SHARE)
    settings = PseudoTaptSettings(steps=10, frame_steps=100, frame_batch=20, codebooks=(64, 512))
    step, train = Clips(3, 2.0, 4.0), TWO_SECONDS.number(50)
    steps = 10 * 3 * (6 * CLIP + 2 * 2 * SHAPE.front_end)
    whole = per_clip(SHAPE, 2.0, 4.0, front_end=True)
    frames = SHAPE.frame_rate * 2.0
    each = frames * emotions.frame_multiplications(SHAPE.hidden, 512)
    learning = 6 * 100 * 20 * each + 2 * (50 * 5 + 50) * each
    clusters = 2 * 21 * 50 * frames * 512 * (64 + min(512, 50 * frames / 40))
    expected = steps + 2 * 50 * whole + learning + clusters
    found = adaptation_work(settings, "pseudo_labels", SHAPE, step, train)
    assert found.operations == pytest.approx(expected)
    assert found.group.what == "adapt by pseudo_labels"


def test_frames_of_the_network_of_emotions_are_counted_as_torch_counts_them() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from after_ray.adaptation.pseudo_tapt._emotion_network import EmotionNetwork
    from sweeps.cost.emotions import frame_multiplications

    network = EmotionNetwork(48, 64, 4, torch.Generator())
    counted = FlopCounterMode(display=False)
    with counted, torch.no_grad():
        hidden = network.hear(torch.zeros(1, 50, 48))
        network.of_frames(hidden)
    of_lstm = 2 * sum(weight.numel() for weight in network.lstm.parameters() if weight.dim() == 2)
    ours = 2 * frame_multiplications(48, 64)
    assert counted.get_total_flops() / 50 + of_lstm == pytest.approx(ours, rel=0.01)


def test_the_mean_step_of_an_adaptation_is_that_of_its_batches() -> None:
    from after_ray.adaptation._batches import ALIKE, Batches
    from sweeps.cost import clips

    class Audio:
        lengths = (16_000 * np.random.default_rng(0).lognormal(1.2, 0.5, 3_000)).astype(np.int64)

    class Objective:
        settings = TaptSettings(batch_seconds=120)

    assert clips.ALIKE == ALIKE
    batches = Batches(Objective(), Audio(), np.arange(3_000), None, "cpu")  # type: ignore[arg-type]
    parts = batches._parts(np.random.default_rng(1))
    audio = [len(part) * batches._lengths[part].min() / 16_000 for part in parts]
    step = mean_step(Audio.lengths / 16_000, 120, 10.0)
    assert step.count * step.seconds == pytest.approx(np.mean(audio), rel=0.05)
    assert step.count == pytest.approx(np.mean([len(part) for part in parts]), rel=0.05)


def test_a_network_of_ones_own_is_counted_by_its_steps_and_anything_else_as_a_solver() -> None:
    class Network(Stepped):
        def features(self, backbone: object) -> FunctionalFeatures:
            return FunctionalFeatures()

    class Solver(Trained):
        def features(self, backbone: object) -> FunctionalFeatures:
            return FunctionalFeatures()

    hundred = TWO_SECONDS.number(100)
    short, long = (
        count_of(Network(name="mine:Net", steps=steps, evaluations=1), None).fit(hundred, NONE)
        for steps in (100, 200)
    )
    assert 1.9 < long / short < 2, "the look at the end costs the same"
    assert isinstance(count_of(Solver(name="mine:Solver"), None), SolverCount)
