"""The estimate of studies that were opened: what their wanted parts take, by what their store knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from after_ray.wording import duration, size

if TYPE_CHECKING:
    from after_ray.manifest import Manifest
    from after_ray.store import Store
    from after_ray.store.reading import Finds
    from sweeps.cost.estimate import Estimate
    from sweeps.planning.opening import OpenStudy
    from sweeps.scheduling.schedule import Capacity

HOUR = 3600.0


def estimate_of(studies: Sequence[OpenStudy], assume: str = "A100", records: Finds | None = None) -> Estimate:
    """What the wanted parts of studies take, planned together.

    `assume`: a GPU where none was measured. `records`: finds those of the studies; their store by default.

    Raises:
        UnknownName: for a GPU of which nothing is known.
    """
    from sweeps.cost.estimate import estimate

    store = studies[0].store
    plans = [study.wanted for study in studies]
    return estimate(plans, manifests_of(studies), store, store.ledger.finished(), assume, records)


def manifests_of(studies: Sequence[OpenStudy]) -> list[Manifest]:
    """Of every corpus of the studies."""
    return [scan.manifest for study in studies for scan in study.scans]


def this_machine(cpus: int | None = None, gpus: int | None = None) -> Capacity:
    """Cores and GPUs of this machine, where others are not named."""
    from sweeps.scheduling.schedule import Capacity

    there = len([path for path in Path("/dev").glob("nvidia*") if path.name[6:].isdigit()])
    return Capacity(cpus or os.cpu_count() or 1, there if gpus is None else gpus)


def numbers_of(estimated: Estimate, cluster: Capacity) -> dict[str, Any]:
    """What `plan --json` prints of an estimate; `wall_hours` is null where a trial does not fit."""
    from sweeps.scheduling.schedule import NoRoom

    try:
        wall: float | None = estimated.wall_seconds(cluster) / HOUR
    except NoRoom:
        wall = None
    by_kind = {
        kind: {"naive": naive, "planned": planned} for kind, (naive, planned) in estimated.by_kind.items()
    }
    return {**estimated.numbers(), "wall_hours": wall, "hours_by_kind": by_kind}


def print_estimate(estimated: Estimate, cluster: Capacity, store: Store) -> None:
    """The estimate in words, what it rests on, and how earlier ones compare with what was measured since."""
    from sweeps._console import console
    from sweeps.cost.predictions import compare

    for sentence in [*_sentences(estimated, cluster), *_rests_on(estimated)]:
        console.print(sentence, markup=False)
    for found in compare(store, estimated.stages.keys()):
        console.print(
            f"predicted ({found.basis}) and done since: {found.stages} x {found.kind}, which took "
            f"{_times(found.ratio)} times as long in the median ({_times(found.lowest)} to "
            f"{_times(found.highest)} times)",
            markup=False,
        )


def _sentences(estimated: Estimate, cluster: Capacity) -> list[str]:
    planned, ratio = estimated.planned, estimated.ratio
    error = "" if estimated.error is None else f", off by {estimated.error:.0%}"
    parts = [f"estimate ({estimated.basis}{error}): {duration(HOUR * planned.trials)} of trials"]
    if ratio is not None:
        parts[0] += f" ({ratio:.1f} times less than {duration(HOUR * estimated.naive.hours)} of cells alone)"
    if planned.gpu:
        parts.append(f"{planned.gpu:.2f} GPU-hours")
    parts.append(f"{size(estimated.storage.total)} of storage")
    told = [", ".join(parts)]
    return [*told, _left(estimated, cluster)] if estimated.left.trials else told


def _left(estimated: Estimate, cluster: Capacity) -> str:
    from sweeps.scheduling.schedule import NoRoom

    left = estimated.left
    gpu = f", {left.gpu:.2f} GPU-hours" if left.gpu else ""
    where = f"{cluster.cpus:g} cores" + (f" and {cluster.gpus:g} GPUs" if cluster.gpus else "")
    try:
        wall = (
            f"about {duration(estimated.wall_seconds(cluster))} on {where}, of which "
            f"{duration(estimated.startup.seconds)} until Ray and its workers are there ({estimated.startup})"
        )
    except NoRoom as error:
        wall = str(error)
    return f"left: {duration(HOUR * left.trials)} of trials{gpu}; {wall}"


def _times(ratio: float) -> str:
    """`0.73`, `3.7`, `120`: two digits, or all that stand before the point."""
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"


def _rests_on(estimated: Estimate) -> list[str]:
    return [f"  {line}" for line in estimated.rests_on()]
