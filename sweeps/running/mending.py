"""Records that no longer hold: damaged ones, and those whose files are gone or cut, are set aside."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from after_ray.stages import NextRoundStage, Stage, foundations
from after_ray.store import MODEL_FILE, Record, Store
from after_ray.store.reading import Reading
from after_ray.wording import counted
from sweeps.planning.opening import OpenStudy
from sweeps.planning.plan import Plan

logger = logging.getLogger(__name__)


def mend_records(studies: Sequence[OpenStudy], reading: Reading | None = None) -> None:
    """Set aside what is no record any more among those of the studies, so that it is computed again.

    Of a round's files the predictions must be there, and weights that are there whole; of what a trajectory
    stands on, every file, where a round of it is still to be run. Their sizes are looked at, not their bits.
    """
    store, plans = studies[0].store, [opened.plan for opened in studies]
    mend_plans(store, plans, [opened.wanted for opened in studies], reading)


def mend_plans(
    store: Store, plans: Iterable[Plan], to_run: Sequence[Plan], reading: Reading | None = None
) -> None:
    """Like `mend_records`, of plans; `to_run`: those whose unfinished trajectories are to be run."""
    reading, finished = reading or Reading(store.ledger), store.ledger.finished()
    wanted = frozenset().union(*(plan.keys for plan in plans)) & finished
    found = reading.find_all(wanted)
    rounds = {key: flaw for key, flaw in _flaws(store, found.values()) if found[key].kind == "round"}
    following = _following(found, rounds, finished, reading)
    done = found.keys() - rounds.keys() - following.keys()
    needed = _needed(to_run, done)
    below = dict(_flaws(store, [found[key] for key in needed if found[key].kind != "round"]))
    for key in (*rounds, *following, *below):
        store.ledger.set_aside(found.get(key) or following[key])
        reading.forget(key)
    if flaws := [*below.values(), *rounds.values()]:
        logger.warning(_sentence(flaws, len(following)))


def _sentence(flaws: Sequence[str], following: int) -> str:
    after = ""
    if following:
        after = f", and so {'is' if following == 1 else 'are'} {counted(following, 'round')} after them"
    whose = "Files of 1 result are" if len(flaws) == 1 else f"Files of {len(flaws)} results are"
    return (
        f"{whose} not what the records say (the first: {flaws[0]}); the records are set aside{after}, "
        "and computed again."
    )


def _flaws(store: Store, records: Collection[Record]) -> Iterator[tuple[str, str]]:
    """Keys of records whose files do not bear them out, and what is wrong with the first of these."""
    sizes = store.sizes(records)
    for record in records:
        for name, entry in record.files.items():
            there = sizes.get(f"{record.folder}/{name}")
            may_lack = record.kind == "round" and name == MODEL_FILE  # weights of middle rounds are dropped
            if there != entry.bytes and not (there is None and may_lack):
                has = "is gone" if there is None else f"has {there} bytes instead of {entry.bytes}"
                yield record.key, f"{store.told(record, name)} {has}"
                break


def _following(
    found: Mapping[str, Record], lost: Collection[str], finished: Collection[str], reading: Reading
) -> dict[str, Record]:
    """Rounds after one that is lost and was made on a GPU: run again it may label others.

    Of all studies: what one of them mends, another one's rounds may rest on.
    """
    differ = [key for key in lost if found[key].environment.get("device") == "cuda"]
    if not differ:
        return {}
    records = reading.find_all(finished).values()
    after: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        for parent in record.parents if record.kind == "round" else ():
            after[parent].append(record)
    following: dict[str, Record] = {}
    while differ:
        for record in after[differ.pop()]:
            if record.key not in following and record.key not in lost:
                following[record.key] = record
                differ.append(record.key)
    return following


def _needed(plans: Sequence[Plan], done: Collection[str]) -> dict[str, None]:
    """Keys of what unfinished trajectories stand on and that is done."""
    needed: dict[str, None] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for trajectory in (trajectory for plan in plans for trajectory in plan.trajectories):
        alike = (trajectory.first.key, _evidence(trajectory.last))
        if alike in seen or all(stage.key in done for stage in trajectory.stages):
            continue
        seen.add(alike)
        needed.update((stage.key, None) for stage in foundations(trajectory.last) if stage.key in done)
    return needed


def _evidence(last: Stage) -> tuple[str, ...]:
    """Keys of what the strategy of a trajectory asks for beside round 0."""
    return tuple(made.key for made in last.evidence.values()) if isinstance(last, NextRoundStage) else ()
