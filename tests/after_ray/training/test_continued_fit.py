"""A training that is killed and goes on from its checkpoint ends with the bits of one that was not."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from after_ray.classifiers import FitReport
from after_ray.seeds import SeedTree
from after_ray.store import Checkpoint
from after_ray.training import _progress as progress
from after_ray.training.fit import FitPlan, fit_network, in_batches
from after_ray.training.settings import Precision

ROWS = np.arange(20)
PLAN = FitPlan(14, 2, patience=0)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Task:
    """A network with everything that has a state: Adam, dropout, batch norm, a generator of its own."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(len(ROWS), 4, generator=generator)
        self.targets = self.inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0])
        self.network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
        for parameter in self.network.parameters():
            nn.init.normal_(parameter, generator=generator)
        self.noise, self.noise_name = np.random.default_rng(5), "noise"
        self.steps = 0

    def step(self, rows: NDArray[np.int64]) -> torch.Tensor:
        self.steps += 1
        shift = torch.from_numpy(self.noise.normal(size=(len(rows), 1)).astype(np.float32))
        return ((self.network(self.inputs[rows] + 0.1 * shift)[:, 0] - self.targets[rows]) ** 2).mean()

    def loss(self) -> float:
        return ((self.network(self.inputs)[:, 0] - self.targets) ** 2).mean().item()

    def fit(
        self,
        checkpoint: Checkpoint,
        plan: FitPlan = PLAN,
        kill_at: int | None = None,
        precision: Precision = "fp32",
    ) -> FitReport:
        def killing(taken: int) -> None:
            if taken == kill_at:
                raise Killed

        return fit_network(
            self.network,
            step=self.step,
            epoch_batches=lambda generator: in_batches(generator.permutation(ROWS), 6),
            validation_loss=self.loss,
            optimizer=torch.optim.Adam(self.network.parameters(), lr=0.05),
            plan=plan,
            seeds=SeedTree(1),
            on_step=killing,
            generators={self.noise_name: self.noise},
            precision=precision,
            checkpoint=checkpoint,
        )


def outcome(task: Task, report: FitReport) -> tuple[object, ...]:
    bits = {name: value.numpy().tobytes() for name, value in task.network.state_dict().items()}
    return bits, report.updates, report.epochs, report.validation_loss, report.stopped


@pytest.mark.parametrize("plan", [PLAN, FitPlan(14, 1, patience=3), FitPlan(14, 3, keep="last")])
@pytest.mark.parametrize("kill_at", range(1, 12, 2))
def test_a_training_killed_at_any_step_goes_on_to_the_same_bits(
    tmp_path: Path, plan: FitPlan, kill_at: int
) -> None:
    undisturbed, killed, continued = Task(), Task(), Task()
    expected = outcome(undisturbed, undisturbed.fit(Checkpoint(), plan))
    with pytest.raises(Killed):
        killed.fit(Checkpoint(tmp_path, every=0), plan, kill_at)
    report = continued.fit(Checkpoint(tmp_path, every=0), plan)
    assert outcome(continued, report) == expected
    assert report.resumed == 1
    assert continued.steps == report.updates - kill_at, "steps of before the kill were taken again"


def test_many_kills_are_counted_and_their_time_with_them(tmp_path: Path) -> None:
    undisturbed = Task()
    expected = outcome(undisturbed, undisturbed.fit(Checkpoint()))
    for kill_at in (3, 4, 9):
        with pytest.raises(Killed):
            Task().fit(Checkpoint(tmp_path, every=0), kill_at=kill_at)
    last = Task()
    report = last.fit(Checkpoint(tmp_path, every=0))
    assert outcome(last, report) == expected
    assert report.resumed == 3
    assert report.seconds_before > 0
    assert undisturbed.fit(Checkpoint()).resumed == 0


def test_a_damaged_checkpoint_only_costs_time(tmp_path: Path) -> None:
    undisturbed, again = Task(), Task()
    expected = outcome(undisturbed, undisturbed.fit(Checkpoint()))
    with pytest.raises(Killed):
        Task().fit(Checkpoint(tmp_path, every=0), kill_at=7)
    for arrays in tmp_path.glob("*.safetensors"):  # the newest state, and the one before
        arrays.write_bytes(arrays.read_bytes()[:-1])
    report = again.fit(Checkpoint(tmp_path, every=0))
    assert outcome(again, report) == expected
    assert (report.resumed, again.steps) == (0, 14)


def test_writing_checkpoints_changes_no_bit_and_no_generator(tmp_path: Path) -> None:
    plain, writing = Task(), Task()
    before = torch.get_rng_state()
    expected = outcome(plain, plain.fit(Checkpoint()))
    assert outcome(writing, writing.fit(Checkpoint(tmp_path, every=0))) == expected
    assert torch.equal(before, torch.get_rng_state())
    assert copy.deepcopy(plain.noise.bit_generator.state) == writing.noise.bit_generator.state


@pytest.mark.parametrize(("what", "value"), [("kind_of", lambda device: "cuda"), ("FORMAT", 0)])
def test_a_state_of_another_device_or_format_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, value: object
) -> None:
    undisturbed, again = Task(), Task()
    expected = outcome(undisturbed, undisturbed.fit(Checkpoint()))
    with monkeypatch.context() as patch:
        patch.setattr(progress, what, value)
        with pytest.raises(Killed):
            Task().fit(Checkpoint(tmp_path, every=0), kill_at=7)
    report = again.fit(Checkpoint(tmp_path, every=0))
    assert outcome(again, report) == expected
    assert (report.resumed, again.steps) == (0, 14)


def test_a_state_that_was_drawn_from_other_generators_is_passed_over(tmp_path: Path) -> None:
    """As when the training before was compiled, and dropout came from elsewhere."""
    killed = Task()
    with pytest.raises(Killed):
        killed.fit(Checkpoint(tmp_path, every=0), kill_at=6)
    again = Task()
    again.noise_name = "other"
    assert again.fit(Checkpoint(tmp_path, every=0)).resumed == 0
