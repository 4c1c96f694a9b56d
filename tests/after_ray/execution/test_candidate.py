"""A candidate climbs its rungs, leaves a record, and knows of a round only what validation says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import after_ray.execution.candidate
from after_ray.adaptation.settings import TaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.candidate import CandidateStage, RungRule
from after_ray.classifiers._settings import FunctionalsSettings, PooledTransformerSettings
from after_ray.environment import Execution
from after_ray.execution.candidate import CandidateRun
from after_ray.initialization._settings import RandomSettings
from after_ray.sources import source_of
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AdaptationStage, AudioStage, FirstRoundStage, NextRoundStage, Stage
from after_ray.store import Draft, Store
from after_ray.store.pruned import Pruned, PrunedNotes
from trainables.candidate import CandidateWork


class OnlyValidation(dict[str, float]):
    """The measures of a round of which a test number cannot be read, or even listed."""

    def __getitem__(self, name: str) -> float:
        assert name == "validation_ua", f"a search asked for {name}"
        return super().__getitem__(name)

    def __iter__(self) -> Any:
        raise AssertionError("a search listed the measures of a round")

    items = values = get = __iter__  # type: ignore[assignment]


class World:
    """An executor that writes down what it ran, and a store whose rounds have validation numbers only."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, scores: Mapping[str, float]) -> None:
        self.store = Store(folder)
        self.execution = Execution(str(folder), str(folder / "cache"))
        self.ran: list[Stage] = []
        self._scores, self._need = scores, Store.need
        patch.setattr(after_ray.execution, "run", lambda stage, execution: self.ran.append(stage))
        patch.setattr(after_ray.execution.candidate, "describe", lambda execution, source: {"source": source})
        patch.setattr(Store, "need", lambda store, key: self._record(key))

    def _record(self, key: str) -> Draft:
        assert key in {stage.key for stage in self.ran}, "read before it was run"
        return Draft(key, "round", {}, measures=OnlyValidation(validation_ua=self._scores[key]))


def block(seed: int) -> NextRoundStage:
    audio = AudioStage("0" * 32)
    first = FirstRoundStage(audio, FoldChoice(), FunctionalsSettings(), RandomSettings(), 8, seed)
    return NextRoundStage(first, 16, "entropy", "previous")


ROUNDS = tuple(block(seed) for seed in (100, 101, 102))
SCORES = {stage.key: score for stage, score in zip(ROUNDS, (0.5, 0.7, 0.3), strict=True)}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch, SCORES)


def candidate(rungs: str = "blocks") -> CandidateStage:
    return CandidateStage(ROUNDS, RungRule(rungs, "asha"))


def test_a_step_runs_what_one_block_needs_in_order_and_no_other_block(world: World) -> None:
    work = CandidateWork(candidate(), world.execution)
    told = work.advance()
    assert [stage.kind for stage in world.ran] == ["features", "round"]
    assert world.ran[-1] is ROUNDS[0]
    assert told == {
        "done": False, "key": candidate().key, "rung": 1, "value": 0.5, "scores": [0.5], "finished": False,
    }  # fmt: skip
    assert work.advance()["value"] == pytest.approx(0.6)
    assert world.ran[-1] is ROUNDS[1]


def test_the_last_rung_leaves_a_record_of_validation_numbers_alone(world: World) -> None:
    run = CandidateRun(candidate(), world.execution)
    while not run.finished:
        assert world.store.find(candidate().key) is None, "no record before the last rung"
        run.advance()
    record = world.store.find(candidate().key)
    assert record is not None
    assert (record.kind, record.parents) == ("candidate", tuple(stage.key for stage in ROUNDS))
    assert record.measures == {"validation_ua": pytest.approx(0.5), "rungs": 3}
    assert record.details == {"scores": [0.5, 0.7, 0.3]}
    assert record.environment["source"] == source_of(candidate()), "by what code it was compared"


def test_a_record_that_could_not_be_written_is_written_at_the_next_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CandidateRun(candidate(), world.execution)
    run.advance()
    run.advance()
    with monkeypatch.context() as broken:
        broken.setattr(Store, "commit", full)
        with pytest.raises(OSError, match="full"):
            run.advance()
    assert not run.finished
    run.advance()
    assert run.finished
    assert world.store.find(candidate().key) is not None


def full(*_: Any) -> None:
    raise OSError("full")


def test_with_rungs_of_ratios_the_newest_round_counts(world: World) -> None:
    work = CandidateWork(candidate("ratios"), world.execution)
    assert [work.advance()["value"] for _ in ROUNDS] == [0.5, 0.7, 0.3]


def test_a_finished_candidate_is_no_longer_noted_as_pruned(world: World) -> None:
    one, other = (PrunedNotes(world.store.place, judge) for judge in ("one", "other"))
    for notes in (one, other):
        notes.note(Pruned(candidate().key, (0.5,), 4))
    one.note(Pruned("another", (0.1,), 4))
    run = CandidateRun(candidate(), world.execution)
    while not run.finished:
        run.advance()
    assert one.find(candidate().key, 4) is None
    assert other.find(candidate().key, 4) is None
    assert one.find("another", 4) == Pruned("another", (0.1,), 4)


def test_a_candidate_is_a_kind_of_trial() -> None:
    from trainables.trial import KINDS

    assert KINDS[candidate().kind] == ("trainables.candidate", CandidateWork.__name__)


def test_a_rung_runs_what_its_strategy_asks_for_before_its_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, backbone = AudioStage("0" * 32), BackboneSettings(config={"hidden_size": 16})
    adapted = AdaptationStage(audio, FoldChoice(), backbone, TaptSettings())
    first = FirstRoundStage(
        audio, FoldChoice(), PooledTransformerSettings(), RandomSettings(), 8, 0, backbone, adapted
    )
    last = NextRoundStage(NextRoundStage(first, 16, "alps", "previous"), 24, "alps", "previous")
    world = World(tmp_path, monkeypatch, {last.key: 0.5})
    CandidateRun(CandidateStage((last,), RungRule("blocks", "asha")), world.execution).advance()
    kinds = [stage.kind for stage in world.ran]
    assert sorted(kinds) == ["adaptation", "features", "frame_losses", "round"]
    assert (kinds[0], kinds[-1]) == ("adaptation", "round")
