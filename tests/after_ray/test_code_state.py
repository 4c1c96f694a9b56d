"""A node whose code is not that of the launch writes down its own, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from after_ray import code_state
from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.code_state import by_code_here, keep_code_state, other_code
from after_ray.environment import Execution, describe
from after_ray.initialization._settings import RandomSettings
from after_ray.sources import source_of
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FirstRoundStage
from after_ray.store import Store
from trainables import trial
from trainables.trial import StageTrial

STAGE = FirstRoundStage(AudioStage("0123"), FoldChoice(), FunctionalsSettings(), RandomSettings(), 8, 0)


@pytest.fixture
def given(tmp_path: Path) -> Execution:
    """What a driver with the code of a certain commit asks for."""
    execution = Execution(
        str(tmp_path / "store"), str(tmp_path / "cache"), commit="c" * 40, provenance="d" * 16
    )
    return replace(execution, source=source_of(STAGE))


def test_the_code_of_the_launch_is_recorded_where_it_is_what_runs(given: Execution) -> None:
    assert by_code_here(given, STAGE) is given
    assert other_code(given, given) == ""
    assert not (Path(given.store) / "provenance").exists()


def test_an_execution_that_does_not_ask_is_left_alone(given: Execution) -> None:
    silent = replace(given, source="")
    assert by_code_here(silent, STAGE) is silent


def test_other_code_is_recorded_as_what_it_is_and_kept(given: Execution) -> None:
    store = Store(given.store)
    here = by_code_here(replace(given, source="of another checkout"), STAGE)
    state = keep_code_state(store)
    assert (here.commit, here.provenance) == (state.commit, state.digest)
    assert here.provenance != given.provenance
    assert len(list((store.root / "provenance").iterdir())) == 1
    told = describe(here, source_of(STAGE))
    assert (told["provenance"], told["source"]) == (state.digest, source_of(STAGE))


def test_a_store_that_is_away_keeps_no_node_from_knowing_its_code(
    given: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: Store) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(code_state, "keep_code_state", away)
    here = by_code_here(replace(given, source="of another checkout"), STAGE)
    assert here.provenance == code_state.code_state().digest


class Nothing:
    """Work that is done at once."""

    def __init__(self, stage: object, execution: Execution) -> None:
        self.stage, self.execution = stage, execution

    def advance(self) -> dict[str, Any]:
        return {"done": True}


@pytest.mark.parametrize("same", [True, False])
def test_a_trial_says_with_every_step_that_its_node_runs_other_code(
    given: Execution, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "KINDS", {"first_round": (__name__, "Nothing")})
    process = StageTrial.__new__(StageTrial)  # its constructor is Ray's
    asked = given if same else replace(given, source="of another checkout")
    process.setup({"kind": "first_round", "stage": STAGE, "execution": asked})
    told = process.step()
    assert told["done"]
    if same:
        assert "other_code" not in told
    else:
        assert " runs other code (" in told["other_code"]
        assert "than this launch (commit cccccccccccc, state dddddddddddddddd)" in told["other_code"]
