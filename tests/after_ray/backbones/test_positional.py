"""The positional convolution by frequencies is the convolution, and so are its gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d

from after_ray.backbones.loading import build
from after_ray.backbones.positional import convolve_by_frequency
from after_ray.backbones.settings import BackboneSettings
from after_ray.training.precision import passes

Tiny = Callable[..., BackboneSettings]


def tensors(frames: int, taps: int, groups: int, outputs: int, dtype: torch.dtype) -> list[Tensor]:
    draws = torch.Generator().manual_seed(frames)
    shapes = [(3, 12, frames), (outputs, 12 // groups, taps), (outputs,)]
    return [torch.randn(shape, generator=draws).to(dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("frames", [1, 7, 119, 120, 121, 300])
@pytest.mark.parametrize(("taps", "groups", "outputs"), [(16, 4, 12), (15, 4, 12), (16, 1, 5), (8, 12, 24)])
def test_it_is_the_convolution(frames: int, taps: int, groups: int, outputs: int) -> None:
    ours = tensors(frames, taps, groups, outputs, torch.float32)
    torchs = [tensor.detach().double().requires_grad_() for tensor in ours]
    given = convolve_by_frequency(*ours, padding=taps // 2)
    expected = conv1d(torchs[0], torchs[1], torchs[2], padding=taps // 2, groups=groups)
    assert given.shape == expected.shape
    torch.testing.assert_close(given.double(), expected, rtol=1e-5, atol=1e-5)
    weights = torch.linspace(-1, 1, given.numel()).view(given.shape)
    (given * weights).sum().backward()
    (expected * weights.double()).sum().backward()
    for our, other in zip(ours, torchs, strict=True):
        assert our.grad is not None
        torch.testing.assert_close(our.grad.double(), other.grad, rtol=1e-4, atol=1e-4)


def test_it_computes_in_float32_and_answers_in_the_format_it_was_asked_in() -> None:
    values, weight, bias = tensors(90, 16, 4, 12, torch.bfloat16)
    with passes("bf16", "cpu"):
        given = convolve_by_frequency(values, weight, bias, padding=8)
    exact = convolve_by_frequency(values.float(), weight.float(), bias.float(), padding=8)
    assert torch.equal(given, exact.to(torch.bfloat16))
    assert torch.equal(convolve_by_frequency(values.float(), weight, None, padding=8) + bias[:, None], exact)


def test_a_processor_keeps_its_own(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("after_ray.backbones.positional.convolve_by_frequency", None)
    hidden = torch.randn(2, 30, 32, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(build(tiny()).encoder(hidden).last_hidden_state).all()


@pytest.mark.gpu
@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_a_gpu_goes_through_frequencies(tiny: Tiny, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: Tensor, padding: int) -> Tensor:
        calls.append(padding)
        return convolve_by_frequency(*arguments, padding=padding)

    monkeypatch.setattr("after_ray.backbones.positional.convolve_by_frequency", counted)
    encoder = build(tiny(model_type=family)).encoder
    hidden = torch.randn(2, 30, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = encoder(hidden).last_hidden_state
        assert calls == []
        given = encoder.to("cuda")(hidden.to("cuda")).last_hidden_state
    assert len(calls) == 1
    torch.testing.assert_close(given.cpu(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
def test_attention_in_short_numbers_makes_no_plan_for_every_length() -> None:
    with passes("bf16", "cuda"):
        assert not torch.backends.cuda.cudnn_sdp_enabled()
        assert torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.cudnn_sdp_enabled()
