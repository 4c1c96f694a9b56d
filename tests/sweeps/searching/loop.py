"""A search without Ray: its trials take turns in this process, and rounds are made up where they are run."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

import after_ray.execution
from after_ray.environment import Execution
from after_ray.stages import NextRoundStage, Stage, rounds
from after_ray.store import Draft, Outage, Record, Store
from sweeps.searching.book import Book
from sweeps.searching.handing import CandidatesInTurn
from sweeps.searching.proposing import proposer_of
from sweeps.searching.schedulers import OncePerRung, scheduler_of
from tests.sweeps.searching.toy import share
from trainables.trial import StageTrial

TURNS = 10_000  # of a loop that never ends


def make_up_rounds(patch: pytest.MonkeyPatch) -> list[str]:
    """Stages are recorded as soon as they are run; returns the keys of those that will be, as they are."""
    ran: list[str] = []

    def run(stage: Stage, execution: Execution) -> Record:
        store = Store(execution.store)
        found = store.find(stage.key)
        if found is not None:
            return found
        measures = {"validation_ua": worth(stage)} if isinstance(stage, NextRoundStage) else {}
        made = store.commit(Draft(stage.key, stage.kind, {}, measures=measures))
        ran.append(stage.key)
        return made

    patch.setattr(after_ray.execution, "run", run)
    return ran


def worth(stage: NextRoundStage) -> float:
    """The higher the regularization, the better; every round a little otherwise."""
    regularization = float(rounds(stage)[0].classifier.regularization)  # type: ignore[union-attr]
    return regularization / (regularization + 1) + int(stage.key[:4], 16) * 1e-8


@dataclass
class Loop:
    """What Tune does with a searcher and a scheduler, for as many trials at once as there are slots."""

    book: Book
    cache: Path
    slots: int = 2
    said: list[str] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)  # what the scheduler's rule is told
    trials: int = 0
    clock: Any = time.monotonic
    sleep: Any = None  # called where the searcher finds nothing and no trial runs

    def __post_init__(self) -> None:
        search = self.book.expander.search
        share(self.book)
        self.hands = CandidatesInTurn(
            self.book, proposer_of(search), self, outage=Outage(self.book.store.root, clock=self.clock)
        )
        self.scheduler: OncePerRung = scheduler_of(
            search, self.book.expander.rungs, {}, self.hands.sets_aside
        )
        rule = self.scheduler._rule
        decide = rule.on_trial_result

        def listening(controller: Any, trial: Any, result: dict[str, Any]) -> str:
            self.told.append((trial.trial_id, result["rung"]))
            return decide(controller, trial, result)

        rule.on_trial_result = listening
        self._live: dict[str, tuple[Any, StageTrial]] = {}

    def execution_of(self, job: Any) -> Execution:
        return Execution(str(self.book.store.root), str(self.cache))

    def is_left(self, running: Any) -> bool:
        return len(running) < self.slots

    def may_start(self, job: Any) -> bool:
        return True

    def run(self) -> None:
        """To the end of the search."""
        for turn in itertools.count():
            assert turn < TURNS, "the search does not end"
            ended = self._hand_out()
            if ended and not self._live:
                self.hands.write_notes()
                return
            for name in list(self._live):
                self._step(name)
            if not self._live and self.sleep is not None:
                self.sleep()

    def lose(self, name: str) -> None:
        """The process of a trial is gone."""
        del self._live[name]
        self.hands.on_trial_complete(name, error=True)

    def _hand_out(self) -> bool:
        while True:
            name = f"trial {self.trials}"
            config = self.hands.suggest(name)
            if not isinstance(config, dict):
                return config == Searcher.FINISHED
            self.trials += 1
            process = StageTrial.__new__(StageTrial)  # its constructor is Ray's
            process.setup(config)
            self._live[name] = (SimpleNamespace(trial_id=name, config=config), process)

    def _step(self, name: str) -> None:
        trial, process = self._live[name]
        told = process.step()
        assert not told.get("failed"), told["failed"]
        if told.get("said"):
            self.said.append(told["said"])
        if told["done"] or self.scheduler.on_trial_result(None, trial, told) == TrialScheduler.STOP:
            del self._live[name]
            self.scheduler.on_trial_complete(None, trial, told)
            self.hands.on_trial_complete(name, told)


def outage_without_pauses(sleep: Any) -> Any:
    """Makes outages whose pauses are calls of `sleep`."""
    return lambda store: Outage(store, sleep=lambda seconds: sleep())
