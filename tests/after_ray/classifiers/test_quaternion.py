from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from after_ray.classifiers._batch_norm import recompute_statistics
from after_ray.classifiers._quaternion import (
    QuaternionBatchNorm2d,
    QuaternionConv2d,
    QuaternionConvTranspose2d,
    QuaternionLinear,
    hamilton,
    quaternion_weights,
)

ONE = [1.0, 2.0, 3.0, 4.0]
OTHER = [5.0, 6.0, 7.0, 8.0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


def product(left: Tensor, right: Tensor) -> Tensor:
    """The Hamilton product of quaternions of shape (..., 4), written out."""
    a, b, c, d = left.unbind(-1)
    e, f, g, h = right.unbind(-1)
    return torch.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        dim=-1,
    )


def quaternions(channels: Tensor) -> Tensor:
    """From quarter blocks (batch, 4 n) to (batch, n, 4)."""
    return channels.unflatten(-1, (4, -1)).transpose(-1, -2)


@torch.no_grad()
def weighing(layer: nn.Module, weight: list[float]) -> nn.Module:
    layer.components.copy_(torch.tensor(weight).reshape(layer.components.shape))  # type: ignore[operator,union-attr]
    return layer


# --- products


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: QuaternionConv2d(4, 4, 1, generator()), [-60.0, 12.0, 30.0, 24.0]),
        (lambda: QuaternionConvTranspose2d(4, 4, 1, generator()), [70.0, 0.0, -16.0, -8.0]),
    ],
    ids=["by the weight", "transposed by its conjugate"],
)
def test_worked_products(make: Callable[[], nn.Module], expected: list[float]) -> None:
    made = weighing(make(), ONE)(torch.tensor(OTHER).reshape(1, 4, 1, 1))
    assert made.flatten().tolist() == expected


def test_every_output_is_a_sum_of_hamilton_products() -> None:
    layer, inputs = QuaternionLinear(12, 8, generator()), drawn(5, 12)
    weights = layer.components.permute(1, 2, 0)  # outputs, inputs, parts
    expected = product(weights[None], quaternions(inputs)[:, None]).sum(dim=2)
    torch.testing.assert_close(quaternions(layer(inputs)), expected)


def test_the_transposed_layer_is_the_adjoint_of_the_convolution() -> None:
    forward = QuaternionConv2d(8, 12, 3, generator(), stride=2, padding=1, bias=False)
    back = QuaternionConvTranspose2d(12, 8, 3, generator(), stride=(2, 2), padding=1, output_padding=(1, 1))
    back.load_state_dict({"components": forward.components, "bias": torch.zeros(8)})
    inputs, outputs = drawn(2, 8, 6, 6), drawn(2, 12, 3, 3)
    torch.testing.assert_close((forward(inputs) * outputs).sum(), (inputs * back(outputs)).sum())


def test_channels_lie_in_quarters_and_not_interleaved() -> None:
    layer = QuaternionConv2d(8, 8, 1, generator(), bias=False)
    matrix = hamilton(layer.components)[:, :, 0, 0]
    assert matrix.shape == (8, 8)
    assert torch.equal(matrix[:2, :2], layer.components[0, :, :, 0, 0])
    assert torch.equal(matrix[2:4, :2], layer.components[1, :, :, 0, 0])
    assert torch.equal(matrix[:2, 2:4], -layer.components[1, :, :, 0, 0])


def test_a_unit_quaternion_keeps_norms() -> None:
    unit = torch.tensor(ONE) / torch.tensor(ONE).norm()
    layer, inputs = weighing(QuaternionConv2d(4, 4, 1, generator()), unit.tolist()), drawn(3, 4, 5, 6)
    torch.testing.assert_close(layer(inputs).norm(dim=1), inputs.norm(dim=1))


def test_linear_is_a_convolution_with_a_kernel_of_one_place() -> None:
    linear, inputs = QuaternionLinear(16, 8, generator()), drawn(3, 16)
    convolution = QuaternionConv2d(16, 8, 1, generator(1))
    with torch.no_grad():
        linear.bias.normal_(generator=generator(5))  # type: ignore[union-attr]
    convolution.load_state_dict({"components": linear.components[..., None, None], "bias": linear.bias})
    torch.testing.assert_close(linear(inputs), convolution(inputs[:, :, None, None])[:, :, 0, 0])


def test_a_quarter_of_the_weights_and_all_biases() -> None:
    real, ours = nn.Conv2d(16, 32, 3), QuaternionConv2d(16, 32, 3, generator())
    assert 4 * ours.components.numel() == real.weight.numel()
    assert ours.bias is not None
    assert ours.bias.shape == (32,)
    assert QuaternionConv2d(16, 32, 3, generator(), bias=False).bias is None
    inputs = drawn(2, 16, 8, 8)
    torch.testing.assert_close(ours(inputs), conv2d(inputs, hamilton(ours.components), ours.bias))


def test_channels_that_are_no_whole_quaternions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"6 channels.*multiples of 4"):
        QuaternionConv2d(6, 8, 3, generator())


# --- batch norm


def test_worked_batch_norm() -> None:
    norm, inputs = QuaternionBatchNorm2d(4, momentum=1.0), torch.arange(8.0).reshape(1, 4, 1, 2)
    outputs = norm(inputs)
    assert norm.mean.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert norm.variance.item() == 1.0
    assert outputs.flatten().tolist() == pytest.approx([-0.4999975, 0.4999975] * 4, abs=1e-7)


def test_one_scale_for_each_quaternion_and_one_shift_for_each_channel() -> None:
    norm, inputs = QuaternionBatchNorm2d(8), drawn(6, 8, 3, 3)
    plain = norm(inputs)
    assert (norm.scale.shape, norm.shift.shape) == ((2,), (8,))
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([2.0, 3.0]))
        norm.shift.copy_(torch.arange(8.0))
    factor = torch.tensor([2.0, 3.0] * 4)[:, None, None]
    torch.testing.assert_close(norm(inputs), factor * plain + torch.arange(8.0)[:, None, None])


def test_a_components_mean_is_over_all_of_its_channels() -> None:
    norm, inputs = QuaternionBatchNorm2d(8, momentum=1.0), drawn(6, 8, 3, 3) + 2
    norm(inputs)
    parts = inputs.unflatten(1, (4, 2))
    mean = parts.mean(dim=(0, 2, 3, 4))
    torch.testing.assert_close(norm.mean, mean)
    squares = (parts - mean[:, None, None, None]).square()
    torch.testing.assert_close(norm.variance, squares.mean(dim=(0, 2, 3, 4)).sum())


def test_averages_move_by_a_tenth_in_training_and_not_in_evaluation() -> None:
    norm, inputs = QuaternionBatchNorm2d(4), 3 * drawn(6, 4, 3, 3) + 2
    norm(inputs)
    torch.testing.assert_close(norm.mean, 0.1 * inputs.mean(dim=(0, 2, 3)))
    assert norm.variance.item() == pytest.approx(0.9 + 0.1 * inputs.var(dim=(0, 2, 3), correction=0).sum())
    before = norm.mean.clone()
    norm.eval()(inputs)
    assert torch.equal(norm.mean, before)


def test_statistics_are_those_of_the_whole_set_whatever_was_before() -> None:
    inputs = 4 * drawn(50, 4, 7, 5) + 2
    norm = QuaternionBatchNorm2d(4)
    norm(torch.full((8, 4, 7, 5), 1e6))
    parts = inputs.split([32, 18])
    recompute_statistics(norm, parts, norm)
    torch.testing.assert_close(norm.mean, inputs.mean(dim=(0, 2, 3)))
    expected = sum(len(part) / 50 * part.var(dim=(0, 2, 3), correction=0).sum() for part in parts)
    torch.testing.assert_close(norm.variance, expected)
    assert norm.momentum == 0.1
    assert not norm.training


# --- new weights


@pytest.mark.parametrize(("criterion", "deviation"), [("glorot", 1 / math.sqrt(2 * 288)), ("he", 1 / 16)])
def test_components_have_the_deviation_of_their_criterion(criterion: str, deviation: float) -> None:
    weights = quaternion_weights((160, 128), criterion, generator())  # type: ignore[arg-type]
    modulus = weights.norm(dim=0)
    assert weights.shape == (4, 160, 128)
    assert modulus.square().mean().sqrt() == pytest.approx(2 * deviation, rel=0.02)
    assert (modulus / deviation).mean() == pytest.approx(3 * math.sqrt(math.pi / 8), rel=0.02)  # of chi, 4
    for component in weights:
        assert component.mean() == pytest.approx(0, abs=0.02 * deviation)


def test_phases_and_axes_are_spread_evenly() -> None:
    weights = quaternion_weights((160, 128), "he", generator())
    cosine = weights[0] / weights.norm(dim=0)
    assert (cosine.abs() > math.cos(math.pi / 4)).float().mean() == pytest.approx(0.5, abs=0.02)
    axis = weights[1:] / weights[1:].norm(dim=0)
    assert axis.mean(dim=(1, 2)).abs().max() < 0.02
    assert axis.square().mean(dim=(1, 2)).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_a_kernels_places_count_in_its_fans() -> None:
    wide, narrow = (quaternion_weights((64, 64, *k), "he", generator()) for k in ((3, 3), (1, 1)))
    assert narrow.std() / wide.std() == pytest.approx(3, rel=0.02)


def test_weights_come_from_the_generator_and_nothing_else_moves() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (QuaternionConv2d(8, 8, 3, generator(seed)).components for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())
