"""The same adaptation on a GPU: every number format, both objectives, and a kill in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from after_ray.adaptation.settings import PseudoTaptSettings, TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.settings import BackboneSettings
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Oracle
from after_ray.store import Checkpoint

Tiny = Callable[..., BackboneSettings]
SETTINGS = TaptSettings(steps=12, batch_seconds=4, warmup_steps=0, learning_rate=1e-3, clusters=8)

pytestmark = pytest.mark.gpu


def run(
    backbone: BackboneSettings, audio: Ragged, device: str, checkpoint: Checkpoint, **changes: object
) -> Adapted:
    settings = SETTINGS.model_copy(update=changes)
    return adapt(settings, backbone, audio, np.arange(16), SeedTree(0), device, None, checkpoint)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("family", ["wav2vec2", "hubert"])
def test_a_gpu_learns_what_a_processor_learns(tiny: Tiny, sound: Ragged, family: str, precision: str) -> None:
    backbone = tiny("layer", model_type=family)
    processor = run(backbone, sound, "cpu", Checkpoint())
    gpu = run(backbone, sound, "cuda", Checkpoint(), precision=precision)
    assert gpu.measures["masked_frames"] == processor.measures["masked_frames"], "draws are numpy's"
    assert gpu.history[0]["total"] == pytest.approx(processor.history[0]["total"], rel=0.2)
    assert all(np.isfinite(value).all() for value in gpu.weights.values())


@pytest.mark.parametrize("family", ["wav2vec2", "hubert"])
def test_a_killed_adaptation_goes_on_from_where_it_was(
    tiny: Tiny, sound: Ragged, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = tiny("layer", model_type=family, hidden_dropout=0.1)
    expected = run(backbone, sound, "cuda", Checkpoint())
    save = Checkpoint.save

    def dying(checkpoint: Checkpoint, arrays: dict[str, np.ndarray], values: dict[str, int]) -> None:
        save(checkpoint, arrays, values)
        if values["step"] == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", dying)
        with pytest.raises(KeyboardInterrupt):
            run(backbone, sound, "cuda", Checkpoint(tmp_path, every=0))
    continued = run(backbone, sound, "cuda", Checkpoint(tmp_path, every=0))
    assert continued.resumed == 1
    assert torch.cuda.is_initialized()
    for name, value in expected.weights.items():  # a GPU adds in no fixed order
        assert np.allclose(continued.weights[name], value, atol=5e-3), name


def test_a_gpu_finds_and_learns_pseudo_labels_as_a_processor_does(tiny: Tiny, sound: Ragged) -> None:
    settings = PseudoTaptSettings(
        steps=6, batch_seconds=4, warmup_steps=0, learning_rate=1e-3, codebooks=(4, 8), frame_width=16,
        frame_steps=20, frame_batch=8, frame_learning_rate=3e-3,
    )  # fmt: skip
    rows = np.arange(16)

    def adapted(device: str) -> Adapted:
        oracle = Oracle(np.arange(24) % 2, rows)
        return adapt(settings, tiny("layer"), sound, rows, SeedTree(0), device, oracle=oracle)

    processor, gpu = adapted("cpu"), adapted("cuda")
    assert gpu.measures["masked_frames"] == processor.measures["masked_frames"], "draws are numpy's"
    learned = [one.details["emotions"]["validation_loss"] for one in (processor, gpu)]  # type: ignore[index]
    assert learned[1] == pytest.approx(learned[0], rel=0.05)
    assert gpu.history[0]["total"] == pytest.approx(processor.history[0]["total"], rel=0.2)
    assert all(np.isfinite(value).all() for value in gpu.weights.values())
