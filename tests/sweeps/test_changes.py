"""A plan says what is done, what goes on, what is new, and what an inserted point runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.planning.changes import Inserted, changes
from sweeps.planning.counting import counts
from sweeps.planning.plan import Plan
from sweeps.study.opening import open_study

STUDY = """\
study: small
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: functionals
strategy: [random, entropy]
schedule: [10, 20, 40]
fold: 0
seed: [0, 1]
protocol: {preset: paper, folds: {count: 3}}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def plan(store: Path, *overrides: str) -> Plan:
    path = store / "study.yaml"
    path.write_text(STUDY)
    return open_study(path, store, overrides).plan


def test_a_new_study_has_nothing_to_tell(store: Path) -> None:
    assert changes(plan(store), set()).sentences() == []


def test_a_seed_a_strategy_or_a_later_point_runs_only_what_is_new(store: Path) -> None:
    done = plan(store).keys
    seeds = changes(plan(store, "seed=0..2"), done)
    assert (seeds.done, seeds.going_on, seeds.new) == (4, 0, 2)
    strategies = changes(plan(store, "strategy=[random,entropy,margin]"), done)
    assert (strategies.done, strategies.going_on, strategies.new) == (4, 2, 0), "from round 0, which is there"
    longer = changes(plan(store, "schedule=[10,20,40,80]"), done)
    assert (longer.done, longer.going_on, longer.new, longer.inserted) == (0, 4, 0, {})


def test_an_inserted_point_runs_what_follows_it_again_and_is_named(store: Path) -> None:
    done = plan(store).keys
    inserted = changes(plan(store, "schedule=[10,15,20,40]"), done)
    assert inserted.inserted == {Inserted((15.0,), (20.0, 40.0)): 4}
    assert (
        "15 % is new between points that were run: 4 trajectories run 20, 40 % again"
        in (inserted.sentences()[1])
    )
    both = changes(plan(store, "schedule=[10,20,25,30,40]"), done)
    assert both.inserted == {Inserted((25.0, 30.0), (40.0,)): 4}


def test_studies_together_count_what_they_share_once(store: Path) -> None:
    one, other = plan(store), plan(store, "strategy=[entropy,margin]", "ratios=[20,40]")
    together = counts([one, other], set())
    assert together["trajectories"] == 6
    assert together["cells"] == 4 * 3 + 2 * 2, "of the entropy cells all are in the first study"
    assert together["first_rounds"] == 2
    assert counts([one, one], set()) == counts([one], set())
    done = {stage.key for stage in one.trajectories[0].stages}
    assert counts([one, other], done)["trajectories_done"] == 1
