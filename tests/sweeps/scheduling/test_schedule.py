"""The simulation of a launch, against every possible order on small graphs and against its own bounds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest

from sweeps.scheduling.schedule import Capacity, NoRoom, Task, chains, priorities, simulate, tasks_of
from sweeps.study.declaration import Resources


def best_of_all_orders(tasks: list[Task], slots: int) -> float:
    """The shortest makespan of any list schedule with any order of preference, each task on one slot."""
    best = float("inf")
    for order in itertools.permutations(tasks):
        ends: dict[str, float] = {}
        starts: dict[str, float] = {}
        free = [0.0] * slots
        for task in order:
            if any(need not in starts for need in task.needs):
                break
            ready = max((starts[need] + offset for need, offset in task.needs.items()), default=0.0)
            slot = min(range(slots), key=lambda index: max(free[index], ready))
            starts[task.key] = max(free[slot], ready)
            free[slot] = ends[task.key] = starts[task.key] + task.seconds
        else:
            best = min(best, *[max(ends.values())])
    return best


def random_graph(seed: int) -> list[Task]:
    draws = np.random.default_rng(seed)
    tasks: list[Task] = []
    for number in range(6):
        needs = {}
        for before in tasks:
            if draws.random() < 0.3:
                part = 1.0 if draws.random() < 0.7 else 0.5
                needs[before.key] = part * before.seconds
        tasks.append(Task(str(number), float(draws.integers(1, 10)), needs))
    return tasks


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slots", [1, 2])
def test_small_graphs_against_every_order(seed: int, slots: int) -> None:
    tasks = random_graph(seed)
    best = best_of_all_orders(tasks, slots)
    found = simulate(tasks, Capacity(slots))
    assert found.bound <= best + 1e-9, "a bound that an order stays below is no bound"
    assert best - 1e-9 <= found.makespan <= (2 - 1 / slots) * best + 1e-9  # Graham's guarantee


@pytest.mark.parametrize("seed", range(6))
def test_nothing_starts_before_what_it_needs_and_nothing_is_held_twice(seed: int) -> None:
    tasks = random_graph(seed)
    starts = simulate(tasks, Capacity(2)).starts
    assert starts.keys() == {task.key for task in tasks}
    for task in tasks:
        for need, offset in task.needs.items():
            assert starts[task.key] >= starts[need] + offset - 1e-9
        running = [t for t in tasks if starts[t.key] <= starts[task.key] < starts[t.key] + t.seconds]
        assert len(running) <= 2


def test_the_longest_chain_goes_first() -> None:
    short, long = Task("short", 5), Task("long", 1)
    after = Task("after", 10, {"long": 1})
    assert chains([short, long, after]) == {"short": 5, "long": 11, "after": 10}
    assert simulate([short, long, after], Capacity(1)).starts == {"long": 0, "after": 1, "short": 11}


def test_who_leaves_half_way_starts_before_the_other_ends() -> None:
    found = simulate([Task("one", 10), Task("other", 7, {"one": 4})], Capacity(2))
    assert found.starts["other"] == 4
    assert found.makespan == 11
    assert found.bounds["chain"] == 11


def test_waves_are_counted_in_whole_jobs() -> None:
    # Nine jobs of 10 s on 4 slots are three waves; the work alone would fit in 22.5 s.
    found = simulate([Task(str(n), 10) for n in range(9)], Capacity(4))
    assert found.makespan == found.bounds["waves"] == 30
    assert found.bounds["work"] == pytest.approx(22.5)


def test_waves_are_counted_among_the_longest_jobs_alone() -> None:
    # Of three jobs of 9 s some slot runs two; that a short fourth one could stand in for them is no way out.
    found = simulate([Task("a", 9), Task("b", 9), Task("c", 9), Task("d", 1)], Capacity(2))
    assert found.makespan == found.bounds["waves"] == 18
    assert found.bounds["work"] == 14


def test_waves_behind_a_job_that_all_wait_for() -> None:
    tasks = [Task("first", 7), *(Task(str(n), 10, {"first": 7}) for n in range(5))]
    found = simulate(tasks, Capacity(4))
    assert found.makespan == found.bound == 27


def test_a_waiting_gpu_job_keeps_no_cpu_job_out_and_shares_of_a_gpu_add_up() -> None:
    gpu = [Task(f"gpu{n}", 10, gpu=1.0) for n in range(2)]
    found = simulate([*gpu, Task("cpu", 3)], Capacity(4, 1))
    assert found.starts["cpu"] == 0
    thirds = [Task(str(n), 10, gpu=1 / 3) for n in range(3)]
    assert simulate(thirds, Capacity(4, 1)).makespan == 10


def test_a_job_larger_than_the_cluster_is_refused_with_both_sizes() -> None:
    with pytest.raises(NoRoom, match="1 GPUs, and the cluster asked about has 4 and 0"):
        simulate([Task("a", 1, gpu=1.0)], Capacity(4))


def test_600_trajectories_on_64_slots_come_near_their_bound() -> None:
    draws = np.random.default_rng(0)
    tasks = []
    for pair in range(50):  # five folds and ten seeds: an adaptation, two round 0, twelve trajectories
        long = 3_000 * draws.uniform(0.9, 1.1)
        tasks.append(Task(f"a{pair}", long))
        for start in range(2):
            tasks.append(Task(f"f{pair}.{start}", 60.0, {f"a{pair}": long}))
            for strategy in range(6):
                needs = {f"f{pair}.{start}": 60.0}
                length = (1_800 + 80 * strategy) * draws.uniform(0.95, 1.05)
                tasks.append(Task(f"t{pair}.{start}.{strategy}", length, needs))
    found = simulate(tasks, Capacity(64))
    assert len(tasks) == 50 + 100 + 600
    assert found.bound <= found.makespan <= 1.06 * found.bound


def test_a_trajectory_that_lacks_a_round_in_its_middle_takes_the_time_of_that_round() -> None:
    lacking = FakeJob("r3", ("r2",))
    (task,) = tasks_of({"r3": lacking}, {"r1": 1.0, "r2": 2.0, "r3": 4.0})  # type: ignore[dict-item]
    assert (task.key, task.seconds) == ("r3", 2.0)


@dataclass(frozen=True)
class FakeJob:
    key: str
    gives: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    resources: Resources = field(default_factory=Resources)


def test_jobs_become_tasks_with_the_part_of_each_other_that_they_wait_for() -> None:
    whole = FakeJob("r3", ("r1", "r2", "r3"))
    branch = FakeJob("s3", ("s3",), frozenset({"r2", "done long ago"}), Resources(cpu=2, gpu=0.5))
    jobs = {job.key: job for job in (whole, branch)}
    seconds = {"r1": 1.0, "r2": 2.0, "r3": 4.0, "s3": 8.0}
    first, second = tasks_of(jobs, seconds)  # type: ignore[arg-type]
    assert (first.seconds, dict(first.needs)) == (7.0, {})
    assert (second.seconds, dict(second.needs), second.takes) == (8.0, {"r3": 3.0}, (2.0, 0.5))
    assert priorities(jobs, seconds) == {"r3": 11.0, "s3": 8.0}  # type: ignore[arg-type]
