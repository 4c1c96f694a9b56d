"""A plan says what is done, what goes on, what is new, and what an inserted point runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.store import Draft, Store
from sweeps.planning.changes import Inserted, changes
from sweeps.planning.counting import counts
from sweeps.planning.plan import Plan
from tests.sweeps.cost.small import finish as finish_small
from tests.sweeps.cost.small import plan as plan_small
from tests.sweeps.small import small_study


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def plan(store: Path, *overrides: str) -> Plan:
    return small_study(store, *overrides, seed=[0, 1]).plan


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


def test_what_is_new_is_told_by_axis_and_value(store: Path) -> None:
    done = plan(store).keys
    assert changes(plan(store), done).values == {}
    seeds = changes(plan(store, "seed=0..3"), done)
    assert seeds.values == {"seed": ("2", "3")}
    assert seeds.sentences()[1] == "new: seed 2, 3"
    both = changes(plan(store, "strategy=[random,entropy,margin]", "fold=0..1"), done)
    assert both.sentences()[1] == "new: strategy margin; fold 1"
    assert changes(plan(store, "seed=[7]"), done).sentences() == [], "nothing that was run is asked for"


def finish(plan: Plan, into: Path) -> Store:
    """Records of all rounds of a plan, as far as they tell what they are of."""
    store = Store(into)
    for stage in {stage.key: stage for one in plan.trajectories for stage in one.stages}.values():
        store.commit(Draft(stage.key, stage.kind, stage.meaning(), measures={"train": 80}))
    return store


@pytest.mark.parametrize(
    ("override", "results", "which"),
    [
        (
            "classifier={name: functionals, regularization: 0.5}",
            10,
            "classifier.regularization 1, here 0.5",
        ),
        (
            "schedule=[20,40]",
            10,
            "a round 0 of about 10 %, here a schedule that begins at 20 %",
        ),
        ("protocol.validation.share=20", 10, "protocol.validation.share 10, here 20"),
    ],
)
def test_what_makes_everything_run_again_is_named_with_both_values(
    store: Path, tmp_path: Path, override: str, results: int, which: str
) -> None:
    kept = finish(plan(store), tmp_path)
    (told,) = changes(plan(store, override), kept.ledger.finished(), kept.ledger).sentences()
    assert told.startswith(f"{results} finished results have {which}")
    assert told.endswith("none of them is used, 4 trajectories begin anew")


def test_results_of_another_seed_or_method_are_those_of_another_study(store: Path, tmp_path: Path) -> None:
    kept = finish(plan(store), tmp_path)
    done = kept.ledger.finished()
    for override in ("seed=[5]", "fold=1", "classifier=light_sernet", "initialization=clustering"):
        assert changes(plan(store, override), done, kept.ledger).unused == (), override
    assert changes(plan(store), done, kept.ledger).unused == ()


def test_an_adaptation_of_other_settings_is_looked_up(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    finish_small(plan_small(), kept)
    other = plan_small(adaptation=[{"name": "tapt", "steps": 20, "batch_seconds": 20}])
    (told,) = changes(other, kept.ledger.finished(), kept.ledger).unused
    assert [str(one) for one in told.others] == ["adaptation.steps 10, here 20"]
    assert (told.results, told.trajectories) == (5, 2)


def test_studies_together_count_what_they_share_once(store: Path) -> None:
    one, other = plan(store), plan(store, "strategy=[entropy,margin]", "ratios=[20,40]")
    together = counts([one, other], set())
    assert together["trajectories"] == 6
    assert together["cells"] == 4 * 3 + 2 * 2, "of the entropy cells all are in the first study"
    assert together["first_rounds"] == 2
    assert counts([one, one], set()) == counts([one], set())
    done = {stage.key for stage in one.trajectories[0].stages}
    assert counts([one, other], done)["trajectories_done"] == 1
