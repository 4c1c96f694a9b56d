"""Number formats are refused where they would be imitated, and near float32 where they are real."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from after_ray.errors import BadValue, DivergedTraining
from after_ray.store import Checkpoint
from after_ray.training import precision as module
from after_ray.training.fit import FitPlan
from after_ray.training.precision import check_precision, loss_scaler, passes
from after_ray.training.settings import Precision
from tests.after_ray.training.test_continued_fit import Killed, Task


@pytest.mark.parametrize(
    ("precision", "able", "allowed"), [("bf16", False, "fp32 on"), ("fp16", True, "fp32 or bf16 on")]
)
def test_a_format_that_a_processor_would_imitate_is_refused_by_name(
    precision: Precision, able: bool, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_bf16", lambda device: able)
    with pytest.raises(BadValue, match=f"'{precision}'; allowed: {allowed} this cpu"):
        check_precision(precision, "cpu")
    check_precision("fp32", "cpu")


@pytest.mark.parametrize("channels", [64, 512])
def test_a_processor_multiplies_rightly_in_bf16(channels: int) -> None:
    """Convolutions whose stride leaves one column, which AMX kernels fill with what lies in memory."""
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(8, channels, 4, 2, generator=generator).to(memory_format=torch.channels_last)
    kernels = torch.randn(64, channels, 3, 3, generator=generator) / math.sqrt(9 * channels)
    exact = torch.nn.functional.conv2d(sound, kernels, stride=2, padding=1)
    with passes("bf16", "cpu"):
        quick = torch.nn.functional.conv2d(sound, kernels, stride=2, padding=1)
    torch.testing.assert_close(quick.float(), exact, atol=0.03, rtol=0)


def test_a_processor_that_errs_in_bf16_is_not_trusted_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(module, "conv2d", lambda sound, *rest, **more: sound.new_full((1,), sound.itemsize))
    module._multiplies_rightly.cache_clear()
    try:
        with pytest.raises(BadValue, match=r"'bf16'; allowed: fp32 on this cpu, whose AMX units are wrong"):
            check_precision("bf16", "cpu")
    finally:
        module._multiplies_rightly.cache_clear()


@pytest.mark.parametrize(("precision", "kind"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_passes_are_in_their_format_and_parameters_are_not(precision: Precision, kind: torch.dtype) -> None:
    layer = torch.nn.Linear(3, 2)
    with passes(precision, "cpu"):
        assert layer(torch.ones(1, 3)).dtype == kind
    with passes("fp32", "cpu"):
        assert layer(torch.ones(1, 3)).dtype == torch.float32
    assert layer.weight.dtype == torch.float32


def test_only_fp16_scales_its_losses() -> None:
    assert loss_scaler("fp16", "cpu").is_enabled()
    assert not loss_scaler("bf16", "cpu").is_enabled()


def test_scaled_losses_train_as_plain_ones_do_and_the_scale_survives_a_kill(tmp_path: Path) -> None:
    plain, scaled, continued = Task(), Task(), Task()
    plain.fit(Checkpoint())
    scaled.fit(Checkpoint(), precision="fp16")
    for name, value in scaled.network.state_dict().items():
        torch.testing.assert_close(value, plain.network.state_dict()[name], rtol=1e-3, atol=1e-4)
    with pytest.raises(Killed):
        Task().fit(Checkpoint(tmp_path, every=0), kill_at=7, precision="fp16")
    state = Checkpoint(tmp_path).load()
    assert state is not None
    assert state.values["scaler"]["_growth_tracker"] == 7
    report = continued.fit(Checkpoint(tmp_path, every=0), precision="fp16")
    assert report.precision == "fp16"
    for name, value in scaled.network.state_dict().items():
        assert torch.equal(value, continued.network.state_dict()[name])


@pytest.mark.parametrize(("bad", "stops"), [(3, False), (60, True)])
def test_updates_that_fp16_leaves_out_are_counted_and_too_many_in_a_row_stop_the_training(
    bad: int, stops: bool
) -> None:
    task, plan = Task(), FitPlan(60, 60)

    def overflow(gradient: torch.Tensor) -> torch.Tensor:
        return gradient * math.inf if task.steps <= bad else gradient

    first = task.network[0]
    assert isinstance(first, torch.nn.Linear)
    first.weight.register_hook(overflow)
    if stops:
        with pytest.raises(
            DivergedTraining, match=r"gradient norm is nan at update 21.*Choose precision bf16"
        ):
            task.fit(Checkpoint(), plan, precision="fp16")
        return
    report = task.fit(Checkpoint(), plan, precision="fp16")
    assert report.skipped == bad
