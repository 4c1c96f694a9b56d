"""An adaptation that is killed and goes on from its checkpoint ends with the bits of one that was not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from after_ray.adaptation import _training, tapt
from after_ray.adaptation._labels import FrameEncoder
from after_ray.adaptation._training import Training
from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import Adapted, adapt
from after_ray.backbones.settings import BackboneSettings
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint

Tiny = Callable[..., BackboneSettings]
ROWS = np.arange(16)
SHORT = TaptSettings(steps=8, batch_seconds=4, warmup_steps=2, negatives=10, learning_rate=1e-3, clusters=8)
DRAWING = {  # everything that draws in training
    "layerdrop": 0.2,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0.1,
    "feat_proj_dropout": 0.1,
}
BACKBONES: dict[str, dict[str, Any]] = {
    "wav2vec2": {**DRAWING, "feat_quantizer_dropout": 0.1},
    "hubert": {**DRAWING, "model_type": "hubert"},
}


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Case:
    """One adaptation that writes its state after every step, and can be killed after so many states."""

    def __init__(
        self, backbone: BackboneSettings, audio: Ragged, folder: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.backbone = backbone
        self.audio = audio
        self.folder = folder
        self.patch = patch

    def run(self, checkpoint: Checkpoint | None = None, **changes: object) -> Adapted:
        settings = SHORT.model_copy(update=changes)
        kept = Checkpoint(self.folder, every=0) if checkpoint is None else checkpoint
        return adapt(settings, self.backbone, self.audio, ROWS, SeedTree(0), "cpu", None, kept)

    def undisturbed(self, **changes: object) -> Adapted:
        return self.run(Checkpoint(), **changes)

    def die_after(self, saves: int, **changes: object) -> None:
        save, left = Checkpoint.save, iter(range(saves - 1))

        def saving(checkpoint: Checkpoint, arrays: Any, values: Any) -> None:
            save(checkpoint, arrays, values)
            if next(left, None) is None:
                raise Killed

        with self.patch.context() as patch:
            patch.setattr(Checkpoint, "save", saving)
            with pytest.raises(Killed):
                self.run(**changes)


@pytest.fixture(params=BACKBONES)
def case(
    request: pytest.FixtureRequest,
    tiny: Tiny,
    sound: Ragged,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Case:
    torch.set_num_threads(1)
    return Case(tiny(**BACKBONES[request.param]), sound, tmp_path, monkeypatch)


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that were taken."""
    taken: list[int] = []
    update = Training.update

    def counting(training: Training, prepared: Any) -> None:
        update(training, prepared)
        taken.append(training.step)

    monkeypatch.setattr(Training, "update", counting)
    return taken


def outcome(adapted: Adapted) -> tuple[object, ...]:
    """Everything that must be equal, weights bit for bit."""
    bits = {name: value.tobytes() for name, value in adapted.weights.items()}
    return bits, adapted.history, adapted.measures, adapted.details


def test_one_killed_after_any_step_goes_on_to_the_same_bits(case: Case, updates: list[int]) -> None:
    expected = outcome(case.undisturbed())
    for done in range(1, SHORT.steps):
        Checkpoint(case.folder).clear()
        case.die_after(done)
        updates.clear()
        adapted = case.run()
        assert outcome(adapted) == expected, f"killed after step {done}"
        assert updates == list(range(done + 1, SHORT.steps + 1)), "steps of before the kill were taken again"
        assert adapted.resumed == 1


def test_one_killed_inside_a_stretch_of_its_history_keeps_what_it_saw(case: Case) -> None:
    expected = outcome(case.undisturbed(steps=102))
    for saves in (1, 2, 29, 63):  # 95 steps in all; a stretch has three, numbers are looked at every ten
        case.die_after(saves, steps=102)
    adapted = case.run(steps=102)
    assert outcome(adapted) == expected
    assert adapted.resumed == 4
    assert adapted.seconds_before > 0


def test_writing_states_changes_no_bit_and_no_generator(case: Case) -> None:
    before = torch.get_rng_state()
    plain, writing = case.undisturbed(), case.run()
    assert outcome(plain) == outcome(writing)
    assert torch.equal(before, torch.get_rng_state())
    assert (writing.resumed, writing.seconds_before) == (0, 0.0)


def test_clusters_are_found_once(
    tiny: Tiny, sound: Ragged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(tiny(**BACKBONES["hubert"]), sound, tmp_path, monkeypatch)
    case.die_after(2)

    def refuse(*_: object) -> None:
        raise AssertionError("frames are encoded again")

    monkeypatch.setattr(FrameEncoder, "__call__", refuse)
    assert case.run().resumed == 1


@pytest.mark.parametrize("damage", ["arrays", "format", "device"])
def test_a_state_that_does_not_fit_only_costs_time(
    case: Case, damage: str, monkeypatch: pytest.MonkeyPatch, updates: list[int]
) -> None:
    expected = outcome(case.undisturbed())
    with monkeypatch.context() as patch:
        if damage == "format":
            patch.setattr(_training, "FORMAT", 0)
        if damage == "device":
            patch.setattr(_training, "kind_of", lambda device: "cuda")
        case.die_after(5)
    if damage == "arrays":
        for arrays in case.folder.glob("*.safetensors"):  # the newest state, and the one before
            arrays.write_bytes(arrays.read_bytes()[:-1])
    updates.clear()
    adapted = case.run()
    assert outcome(adapted) == expected
    assert (adapted.resumed, len(updates)) == (0, SHORT.steps)


def test_the_scale_of_fp16_and_the_steps_it_leaves_out_are_kept(case: Case) -> None:
    case.patch.setattr(tapt, "check_precision", lambda precision, device: None)  # imitated, to be tested here
    too_high = 2.0**20  # for gradients in fp16: the first steps are left out
    case.patch.setattr(
        _training, "loss_scaler", lambda precision, device: torch.amp.GradScaler("cpu", init_scale=too_high)
    )
    undisturbed = case.undisturbed(precision="fp16")
    assert 0 < undisturbed.measures["skipped_steps"] < SHORT.steps
    for saves in (1, 3):
        case.die_after(saves, precision="fp16")
    assert outcome(case.run(precision="fp16")) == outcome(undisturbed)


def test_weights_that_are_lost_are_never_kept(case: Case) -> None:
    kept: list[int] = []
    save = Checkpoint.save

    def saving(checkpoint: Checkpoint, arrays: Any, values: Any) -> None:
        assert all(np.isfinite(value).all() for name, value in arrays.items() if name.startswith("network/"))
        save(checkpoint, arrays, values)
        kept.append(values["step"])

    case.patch.setattr(Checkpoint, "save", saving)
    with pytest.raises(Exception, match="diverged"):
        case.run(learning_rate=1e30, warmup_steps=0, steps=60)
    assert len(kept) < 10


def test_the_time_of_finding_clusters_counts_after_a_kill(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tapt.label_frames

    def slow(*arguments: Any) -> Ragged:
        time.sleep(0.5)
        return original(*arguments)

    monkeypatch.setattr(tapt, "label_frames", slow)
    case.die_after(2, objective="clusters")
    assert case.run(objective="clusters").seconds_before >= 0.5
