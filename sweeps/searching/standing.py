"""How a search stands: candidates by state, the rungs of those that run, and the best so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sweeps.running.progress import BestSoFar, Searched
from sweeps.searching.book import Book
from sweeps.searching.candidates import Candidate


def searched(
    book: Book,
    reached: Mapping[str, Sequence[float]] | None = None,
    running: Collection[str] = (),
    shared: tuple[int, int] = (0, 0),
) -> Searched:
    """How a search stands by its book, and by what is known of trials that run.

    `reached`: key of a candidate -> scores at the rungs that it passed. `running`: keys of candidates.
    `shared`: stages that all candidates share, finished and in all, while they are made.
    """
    reached = reached or {}
    counts, wanted = book.counts(), book.wanted
    return Searched(
        candidates=counts["candidates"],
        drawn=len(wanted),
        finished=counts["finished"],
        pruned=counts["pruned"],
        failed=counts["failed"],
        rungs=book.expander.rungs,
        running_at=tuple(
            sorted(len(reached.get(one.key or "", ())) + 1 for one in wanted if one.key in running)
        ),
        shared_done=shared[0],
        shared=shared[1],
        best=_best(book, reached),
    )


def _best(book: Book, reached: Mapping[str, Sequence[float]]) -> BestSoFar | None:
    """Who got furthest, and of these the one of the highest value, the first one where several have it."""
    known = [(one, _values(book, one, reached)) for one in book.wanted]
    found = [(one, values) for one, values in known if values]
    if not found:
        return None
    best, values = max(found, key=lambda each: (len(each[1]), each[1][-1]))
    return BestSoFar(best.number, values[-1], len(values), best.configuration)


def _values(book: Book, one: Candidate, reached: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    if isinstance(one.asks, str) or book.states[one.number].name == "failed":
        return ()
    stage, scores = one.asks.stage, tuple(reached.get(one.asks.stage.key, ()))
    running = tuple(stage.value(scores[: rung + 1]) for rung in range(len(scores)))
    return max(book.values(one), running, key=len)
