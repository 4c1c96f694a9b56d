from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from after_ray.errors import DivergedTraining, TooFewUtterances
from after_ray.seeds import SeedTree
from after_ray.training.fit import FitPlan, epochs_plan, fit_network, in_batches, seeded_dropout
from after_ray.training.settings import FittingSettings

ROWS = np.arange(20)


class Line:
    """A least-squares problem with dropout: small enough to check by hand."""

    def __init__(self, dropout: float = 0.0) -> None:
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(len(ROWS), 4, generator=generator)
        self.targets = self.inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0])
        self.linear = nn.Linear(4, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.network = nn.Sequential(nn.Dropout(dropout), self.linear)
        self.seen: list[NDArray[np.int64]] = []

    def step(self, rows: NDArray[np.int64]) -> torch.Tensor:
        self.seen.append(rows)
        return ((self.network(self.inputs[rows])[:, 0] - self.targets[rows]) ** 2).mean()

    def validation_loss(self) -> float:
        return ((self.network(self.inputs)[:, 0] - self.targets) ** 2).mean().item()

    def fit(self, plan: FitPlan, rate: float = 0.05, batch_size: int = 8, **changes: Any) -> Any:
        arguments: dict[str, Any] = {
            "step": self.step,
            "epoch_batches": lambda generator: in_batches(generator.permutation(ROWS), batch_size),
            "validation_loss": self.validation_loss,
            "optimizer": torch.optim.Adam(self.network.parameters(), lr=rate),
            "plan": plan,
            "seeds": SeedTree(1),
        }
        return fit_network(self.network, **(arguments | changes))


def scripted(losses: Sequence[float]) -> Callable[[], float]:
    remaining = iter(losses)
    return lambda: next(remaining)


def test_training_lowers_the_loss_and_reports_it() -> None:
    line = Line()
    before = line.validation_loss()
    report = line.fit(FitPlan(300, 10))
    assert report.validation_loss == line.validation_loss() < 0.05 * before
    assert (report.updates, report.stopped) == (300, "steps")
    assert report.epochs == pytest.approx(100)


def test_the_weights_of_the_lowest_validation_loss_are_kept() -> None:
    line, kept = Line(), []

    def validation_loss() -> float:
        kept.append(line.linear.weight.detach().clone())
        return [3.0, 1.0, 2.0, 1.0][len(kept) - 1]

    report = line.fit(FitPlan(4, 1), validation_loss=validation_loss)
    assert report.validation_loss == 1.0
    assert torch.equal(line.linear.weight, kept[1])  # of equal losses the first
    assert not line.network.training


def test_buffers_are_restored_with_the_weights() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    means = []
    inputs = torch.randn(8, 2, generator=torch.Generator().manual_seed(0)) + 5

    def validation_loss() -> float:
        means.append(network[0].running_mean.clone())
        return float(len(means))

    fit_network(
        network,
        step=lambda rows: network(inputs[rows]).square().mean(),
        epoch_batches=lambda _: [np.arange(8)],
        validation_loss=validation_loss,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        plan=FitPlan(5, 1),
        seeds=SeedTree(0),
    )
    assert torch.equal(network[0].running_mean, means[0])
    assert not torch.equal(means[0], means[-1])


def test_patience_counts_evaluations_without_improvement() -> None:
    report = Line().fit(FitPlan(100, 2, patience=3), validation_loss=scripted([5, 4, 6, 4, 4, 0]))
    assert (report.updates, report.stopped, report.validation_loss) == (10, "patience", 4.0)


def test_no_patience_never_stops_early() -> None:
    report = Line().fit(FitPlan(6, 1), validation_loss=scripted([1, 2, 3, 4, 5, 6]))
    assert report.updates == 6


def test_micro_batches_make_the_same_step_as_one_batch() -> None:
    whole, parts = Line(), Line()
    whole.fit(FitPlan(3, 3))
    parts.fit(FitPlan(3, 3), micro_batches=lambda rows: [rows[:3], rows[3:]])
    torch.testing.assert_close(whole.linear.weight, parts.linear.weight)


def test_equal_seeds_give_equal_bits_and_other_seeds_other_bits() -> None:
    def weight(seed: int) -> torch.Tensor:
        line = Line(dropout=0.5)
        line.fit(FitPlan(20, 5), seeds=SeedTree(seed))
        return line.linear.weight.detach()

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_the_default_generator_of_torch_is_left_alone() -> None:
    line = Line(dropout=0.5)
    before = torch.random.get_rng_state()
    line.fit(FitPlan(5, 5))
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_epoch_visits_every_row_once_in_its_own_order() -> None:
    line = Line()
    line.fit(FitPlan(6, 6))
    epochs = [np.concatenate(line.seen[:3]), np.concatenate(line.seen[3:])]
    assert all(sorted(epoch) == list(ROWS) for epoch in epochs)
    assert list(epochs[0]) != list(epochs[1])


def test_hooks_are_called_before_steps_and_before_evaluations() -> None:
    steps: list[int] = []
    evaluations: list[bool] = []
    line = Line()
    line.fit(
        FitPlan(5, 2),
        on_step=steps.append,
        before_evaluation=lambda: evaluations.append(line.network.training),
    )
    assert steps == [0, 1, 2, 3, 4]
    assert len(evaluations) == 3  # after 2, 4 and the last


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_the_update(value: float) -> None:
    line = Line()
    with pytest.raises(DivergedTraining, match=r"training loss is (nan|inf) at update 1; .* Lower"):
        line.fit(FitPlan(5, 1), step=lambda rows: line.step(rows) * value)
    with pytest.raises(DivergedTraining, match="validation loss"):
        line.fit(FitPlan(5, 1), validation_loss=lambda: value)


@pytest.mark.parametrize(
    ("train_size", "changes", "max_updates", "evaluate_every"),
    [
        (4057, {}, 20 * 64, 13),  # IEMOCAP in full: about five evaluations in each of 64 steps
        (41, {}, 200, 2),  # 1 % of IEMOCAP: one step per epoch, epochs extended
        (41, {"min_updates": 0}, 20, 1),  # the paper read strictly
        (64, {"max_epochs": 3, "min_updates": 1000, "evaluations_per_epoch": 2}, 1000, 167),
    ],
)
def test_few_labels_get_more_epochs_but_not_more_evaluations(
    train_size: int, changes: dict[str, int], max_updates: int, evaluate_every: int
) -> None:
    settings = FittingSettings(**changes)
    plan = epochs_plan(train_size, settings)
    assert (plan.max_updates, plan.evaluate_every) == (max_updates, evaluate_every)
    evaluations = math.ceil(plan.max_updates / plan.evaluate_every)
    assert evaluations <= settings.max_epochs * settings.evaluations_per_epoch


def test_the_last_weights_win_where_that_is_asked_for() -> None:
    line, seen = Line(), []

    def validation_loss() -> float:
        seen.append(line.linear.weight.detach().clone())
        return [3.0, 1.0, 2.0, 4.0][len(seen) - 1]

    report = line.fit(FitPlan(4, 1, keep="last"), validation_loss=validation_loss)
    assert report.validation_loss == 4.0
    assert torch.equal(line.linear.weight, seen[-1])


def test_batches_in_order_may_drop_the_last_smaller_one() -> None:
    rows = np.arange(10)[::-1]
    assert [b.tolist() for b in in_batches(rows, 4)] == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]
    assert [b.tolist() for b in in_batches(rows, 4, drop_last=True)] == [[9, 8, 7, 6], [5, 4, 3, 2]]
    assert [len(b) for b in in_batches(rows, 5)] == [5, 5]


def test_without_the_last_batch_an_epoch_has_fewer_steps_and_never_none() -> None:
    settings = FittingSettings(max_epochs=3, min_updates=0, drop_last=True, evaluations_per_epoch=1)
    assert epochs_plan(200, settings).max_updates == 9
    with pytest.raises(TooFewUtterances, match=r"no batch of 64.*: 41 utterances available, 64 requested"):
        epochs_plan(41, settings)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_which_weights_win_is_the_settings_choice(keep: Any) -> None:
    assert epochs_plan(100, FittingSettings(keep=keep)).keep == keep


def test_dropout_is_seeded_on_the_devices_of_the_network_and_on_no_other_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reseeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reseeded.append)
    before, seeds = torch.get_rng_state(), SeedTree(3)
    with seeded_dropout(nn.Identity(), seeds):
        drawn = torch.rand(4)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn, torch.rand(4, generator=seeds.torch()))
    assert reseeded == []
