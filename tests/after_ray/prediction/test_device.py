"""Devices by name, and float32 that means float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from after_ray.errors import BadValue
from after_ray.prediction import Windows, known_device, predict
from tests.after_ray.prediction.heard import SECOND, LevelModel, level, write


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [known_device(name) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]
    with pytest.raises(BadValue, match=r"Bad device: 'cuda:2'; allowed: cuda:0 to cuda:1"):
        known_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(BadValue, match="no GPU is seen here"):
        known_device("cuda")
    with pytest.raises(BadValue, match="allowed: cpu, cuda, or cuda:N"):
        known_device("cuda:x")


def test_a_model_is_asked_in_whole_floats_and_the_process_keeps_its_own_way(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Watching(LevelModel):
        def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
            seen.append(torch.backends.cudnn.allow_tf32)
            if len(seen) == 2:
                raise RuntimeError("out of order")
            return super().log_probabilities(waves)

    file = write(tmp_path / "a.wav", level(0.2, 2))
    windows = Windows(SECOND, SECOND, SECOND)
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        with pytest.raises(RuntimeError, match="out of order"):
            list(predict(Watching(), [file], windows, batch=1))
        assert torch.backends.cudnn.allow_tf32 is True
    finally:
        torch.backends.cudnn.allow_tf32 = before
    assert seen == [False, False]
