"""Results that were made by different code, versions or devices are named, whatever their keys say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from after_ray.code_state import CodeState, code_state, keep_code_state, read_code_state
from after_ray.sources import source_of
from after_ray.stages import Stage
from after_ray.store import Record, Store
from sweeps.planning.plan import Plan
from sweeps.provenance.drift import drift
from tests.sweeps.small import small_study

ENVIRONMENT = {
    "device_name": "A100",
    "threads": 1,
    "python": "3.11.9",
    "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
    "torch_build": "2.13.0+cpu",
    "driver": {"nvidia": "580.2", "cuda": "12.8", "cudnn": "9.1"},
}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_study(tmp_path, schedule=[10, 20]).plan


def stages(plan: Plan) -> list[Stage]:
    return [*plan.shared.values(), *{s.key: s for t in plan.trajectories for s in t.stages}.values()]


def write(store: Store, stage: Stage, **environment: Any) -> None:
    made = ENVIRONMENT | {"source": source_of(stage)} | environment
    store.ledger.add(Record(stage.key, stage.kind, stage.meaning(), environment=made))


def told(plan: Plan, store: Store) -> list[str]:
    return drift([plan], store.ledger.environments, store.ledger.finished())


def test_results_of_one_kind_by_todays_code_have_no_drift(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    assert told(plan, store) == []
    for stage in stages(plan):
        write(store, stage)
    assert told(plan, store) == []


def test_other_code_under_the_same_key_is_named_per_kind(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for stage in stages(plan):
        write(store, stage, **({"source": "of before"} if stage.kind == "round" else {}))
    (sentence,) = told(plan, store)
    assert sentence.startswith("3 round results made by other code than today's, with the same version")


def test_results_from_before_code_was_recorded_are_no_drift(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    stage = plan.trajectories[0].last
    store.ledger.add(Record(stage.key, stage.kind, stage.meaning(), environment=ENVIRONMENT))
    assert told(plan, store) == ["1 result from before code was recorded: nothing is known of theirs"]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"device_name": "H100"}, "rounds made with different devices: A100 (2), H100 (1)"),
        ({"threads": 4}, "rounds made with different thread counts: 1 (2), 4 (1)"),
        (
            {"packages": {"torch": "2.11.0", "numpy": "2.4.6"}},
            "results made with different versions of torch: 2.13.0 (1 audio, 1 functionals features, "
            "2 rounds), 2.11.0 (1 round)",
        ),
        ({"python": "3.12.1"}, "results made with different versions of Python: 3.11.9 (1 audio, "),
        ({"torch_build": "2.13.0+cu128"}, "2 rounds), 2.13.0+cu128 (1 round)"),
        (
            {"driver": {"nvidia": "570.1", "cuda": "12.8", "cudnn": "9.1"}},
            "rounds made with different GPU drivers: 580.2 (2), 570.1 (1)",
        ),
        ({"driver": {"nvidia": "580.2", "cuda": "13.0"}}, "different versions of CUDA: 12.8 (2), 13.0 (1)"),
    ],
)
def test_rounds_of_different_making_are_named(
    plan: Plan, tmp_path: Path, other: dict[str, Any], sentence: str
) -> None:
    store = Store(tmp_path / "kept")
    for stage in stages(plan):
        write(store, stage, **(other if stage is plan.trajectories[1].last else {}))
    (said,) = told(plan, store)
    assert sentence in said


def test_what_rounds_stand_on_is_asked_for_its_versions_too_but_not_for_the_same_device(
    plan: Plan, tmp_path: Path
) -> None:
    store = Store(tmp_path / "kept")
    for stage in stages(plan):
        elsewhere = {"device_name": "H100", "python": "3.12.1"} if stage.kind == "features" else {}
        write(store, stage, **elsewhere)
    (sentence,) = told(plan, store)
    assert sentence == (
        "results made with different versions of Python: 3.11.9 (1 audio, 3 rounds), "
        "3.12.1 (1 functionals features)"
    )


def test_what_a_result_does_not_say_is_no_drift(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for stage in stages(plan):
        silent = {"torch_build": None, "driver": {}} if stage is plan.trajectories[0].last else {}
        write(store, stage, **silent)
    assert told(plan, store) == []


def test_a_builds_name_is_not_told_beside_the_version_that_it_has(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    older = {"packages": {"torch": "2.11.0", "numpy": "2.4.6"}, "torch_build": "2.11.0+cpu"}
    for stage in stages(plan):
        write(store, stage, **(older if stage is plan.trajectories[0].last else {}))
    (sentence,) = told(plan, store)
    assert "versions of torch" in sentence


def test_the_state_of_the_code_is_kept_once_and_found_by_its_digest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    state = keep_code_state(store)
    assert state.packages["numpy"]
    assert read_code_state(store, state.digest) == state.as_json()
    keep_code_state(store)
    assert len(list((tmp_path / "provenance").iterdir())) == 1
    assert read_code_state(store, "other") is None
    assert replace(state, difference="another").digest != state.digest


def test_without_git_a_state_has_no_commit_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    state = code_state()
    assert (state.commit, state.difference) == ("", "")
    assert isinstance(state, CodeState)


def test_in_a_checkout_the_commit_and_what_differs_from_it_are_known(tmp_path: Path) -> None:
    state = code_state()
    if not (Path(__file__).parents[3] / ".git").exists():
        pytest.skip("missing here: a git checkout")
    assert len(state.commit) == 40
