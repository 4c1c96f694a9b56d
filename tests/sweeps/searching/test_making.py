"""An adaptation that is searched itself is made once, however many candidates need it at the same moment."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from after_ray.stages import AdaptationStage, ancestors
from after_ray.store import Store
from sweeps.searching.book import Book
from sweeps.searching.candidates import Candidate
from sweeps.study.search.space import Configuration
from tests.after_ray.tiny import TINY
from tests.sweeps.searching.test_handing import Listed, Slots, end, hands, number
from tests.sweeps.searching.toy import STUDY, book, record

pytestmark = pytest.mark.ray  # Tune's searcher is imported, no Ray is started

SHORT, LONG = ({"name": "tapt", "steps": steps} for steps in (4, 5))
ADAPTED = STUDY.replace(
    "classifier: functionals", f"classifier: pooled_transformer\nbackbone: {{config: {json.dumps(TINY)}}}"
).replace(
    "classifier.regularization: {loguniform: [1e-3, 1e3]}\n    strategy: {choice: [entropy, margin]}",
    "classifier.fitting.learning_rate: {loguniform: [1e-5, 1e-3]}\n"
    f"    adaptation: {{choice: [{json.dumps(SHORT)}, {json.dumps(LONG)}]}}",
)


def configuration(adaptation: dict[str, Any], rate: float = 1e-4) -> Configuration:
    return {"classifier.fitting.learning_rate": rate, "adaptation": adaptation}


class NamedByRate(Listed):
    """Remembers candidates by their rate."""

    def told(self, configuration: Configuration, name: str, values: Any) -> None:
        self.heard.append((configuration["classifier.fitting.learning_rate"], name, len(values)))


def foundations(candidate: Candidate, rung: int) -> list[Any]:
    """What a rung rests on, the adaptation among it, but no round."""
    assert not isinstance(candidate.asks, str), candidate.asks
    found = list(ancestors(candidate.asks.stage.rounds[rung]))
    assert any(isinstance(each, AdaptationStage) for each in found)
    return [each for each in found if each.kind in ("adaptation", "features")]


def made(drawn: Book, candidate: int, rung: int) -> None:
    for stage in foundations(drawn.candidates[candidate - 1], rung):
        record(drawn.store, stage)


def test_a_candidate_waits_for_the_adaptation_that_another_makes_and_others_do_not(tmp_path: Path) -> None:
    drawn = book(tmp_path, ADAPTED)
    configurations = (configuration(SHORT, 1e-4), configuration(SHORT, 2e-4), configuration(LONG, 3e-4))
    search = hands(drawn, NamedByRate(*configurations))
    assert number(drawn, search.suggest("a")) == 1
    assert number(drawn, search.suggest("b")) == 3
    assert search.suggest("c") is None
    assert [job.key for job in search.waiting] == [drawn.candidates[1].key]
    made(drawn, 1, rung=0)
    assert number(drawn, search.suggest("c")) == 2


def test_no_more_candidates_are_drawn_ahead_than_run(tmp_path: Path) -> None:
    drawn = book(tmp_path, ADAPTED.replace("candidates: 4", "candidates: 9"))
    rates = [step * 1e-5 for step in range(1, 9)]
    search = hands(drawn, NamedByRate(*(configuration(SHORT, rate) for rate in rates)))
    search.suggest("a")
    assert [search.suggest("b") for _ in range(3)] == [None] * 3
    assert len(drawn.candidates) == 3, "later ones are drawn when more is known"


@pytest.mark.parametrize(
    "ended", [{"result": {"failed": "it diverged"}}, {"result": {"scores": [0.1]}}], ids=["failed", "stopped"]
)
def test_what_nobody_makes_any_more_the_next_one_makes(tmp_path: Path, ended: dict[str, Any]) -> None:
    drawn = book(tmp_path, ADAPTED)
    search = hands(drawn, NamedByRate(configuration(SHORT, 1e-4), configuration(SHORT, 2e-4)))
    search.suggest("a")
    assert search.suggest("b") is None
    search.on_trial_complete("a", **ended)
    assert number(drawn, search.suggest("b")) == 2


def test_between_two_rungs_a_candidate_is_set_aside_for_an_adaptation_that_another_makes(
    tmp_path: Path,
) -> None:
    drawn = book(tmp_path, ADAPTED)
    proposer = NamedByRate(configuration(SHORT, 1e-4), configuration(SHORT, 2e-4))
    search = hands(drawn, proposer)
    first = search.suggest("a")
    made(drawn, 1, rung=0)
    search.suggest("b")
    assert search.sets_aside("a", 1) is False, "it makes the adaptation of the second fold"
    assert search.sets_aside("b", 1) is True
    search.on_trial_complete("b", {"scores": [0.5], "rung": 1})
    assert search.suggest("c") is None
    assert drawn.pruned.find(str(drawn.candidates[1].key), 4) is None
    assert proposer.heard == []
    made(drawn, 1, rung=1)
    assert number(drawn, search.suggest("c")) == 2
    assert search.sets_aside("c", 1) is False, "it goes on"
    end(search, drawn, "a", first, 0.5, 0.5, 0.5, 0.5)
    end(search, drawn, "c", {"stage": drawn.candidates[1].asks.stage}, 0.5, 0.5, 0.5, 0.5)  # type: ignore[union-attr]
    assert search.suggest("d") == Searcher.FINISHED


def test_a_store_that_cannot_be_read_for_a_moment_does_not_end_the_search_between_two_rungs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    drawn = book(tmp_path, ADAPTED)
    search = hands(drawn, NamedByRate(configuration(SHORT, 1e-4), configuration(LONG, 2e-4)))
    search.suggest("a")
    search.suggest("b")
    monkeypatch.setattr(Store, "find", gone)
    assert search.sets_aside("a", 1) is False


def test_a_budget_sets_nobody_aside(tmp_path: Path) -> None:
    drawn = book(tmp_path, ADAPTED)
    search = hands(drawn, NamedByRate(configuration(SHORT, 1e-4), configuration(SHORT, 2e-4)), Slots(2))
    search.suggest("a")
    made(drawn, 1, rung=0)
    search.suggest("b")
    search.sets_aside("a", 1)
    search.halt()
    assert search.sets_aside("b", 1) is False
