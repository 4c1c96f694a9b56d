"""How often strategies that are otherwise alike beat each other, and on what that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._rendering import NOTHING, Cell, Table, percent
from analysis.curves import checkpoints, penalty_matrix
from analysis.families import NEUTRAL, Family, label, percent_text, varying, words
from analysis.measures._text import figure
from analysis.measures.trajectories import Trajectories, trajectories_of
from analysis.results import Results

_MATRICES = 2  # as many are shown whole; of more, the means of their columns
_NOTE = (
    "Share of the checkpoints ({points}) at which the row beats the column: a paired t-test over {seeds} "
    "seeds, each a mean over folds, two-sided at .05, not corrected. CONDITIONAL ON THESE SPEAKERS: it says "
    "nothing of others. In percent; the last row is the mean of a column, how often others beat that "
    "strategy: lower is better (Ash et al. 2020). Checkpoints double the labels and end where {reference} "
    "has 99 % of its final UA."
)
_MEANS_NOTE = (
    "How often the other strategies of a column beat that of the row, in percent of checkpoints and "
    "strategies, itself included: lower is better (Ash et al. 2020). Paired t-tests over seeds, each a mean "
    "over folds, two-sided at .05, not corrected: CONDITIONAL ON THESE SPEAKERS. All pairs are in "
    "penalties.csv."
)


@dataclass(frozen=True)
class Penalties:
    """One matrix: strategies of families that differ in nothing else.

    Attributes:
        group: the family of the reference strategy, which names all but the strategy.
        strategies: of the rows and columns of `matrix`; `matrix[i, j]` says how often i beats j.
        percents: the checkpoints. seeds: how many are compared, each a mean over folds.
        left_out: strategies with missing cells or other ratios.
    """

    group: Family
    strategies: tuple[str, ...]
    matrix: NDArray[np.float64]
    percents: tuple[float, ...]
    seeds: int
    left_out: tuple[str, ...] = ()

    @property
    def beaten(self) -> NDArray[np.float64]:
        """How often others beat each strategy: the means of the columns."""
        return np.asarray(self.matrix.mean(axis=0))


def penalties(results: Results, reference: str) -> tuple[list[Penalties], tuple[str, ...]]:
    """The matrices of a study, and sentences on groups of strategies that have none."""
    found, matrices, refused = trajectories_of(results), [], []
    for group, alike in _groups(found, reference).items():
        if len(alike) < 2:
            continue
        reason = _refusal(alike.get(reference), reference)
        usable = {} if reason else _usable(alike, alike[reference])
        if not reason and len(usable) < 2:
            reason = f"no strategy but {reference} has all cells of its ratios"
        if reason:
            refused.append(f"No pairwise penalties for {_place(group)}: {reason}.")
            continue
        left_out = tuple(name for name in alike if name not in usable)
        matrices.append(_matrix(group, usable, usable[reference], left_out))
    return matrices, tuple(refused)


def penalties_frame(matrices: list[Penalties]) -> pd.DataFrame:
    """One row per ordered pair: at which share of the checkpoints `strategy` beats `other`."""
    return pd.DataFrame([row for found in matrices for row in _rows(found)])


def penalties_tables(matrices: list[Penalties]) -> tuple[Table, ...]:
    """Each matrix; of more than two only the means of their columns, in one table."""
    axes = [
        axis
        for axis in varying(pd.DataFrame([found.group for found in matrices], columns=list(Family._fields)))
        if axis != "strategy"
    ]
    if len(matrices) > _MATRICES:
        return (_means(matrices, axes),)
    return tuple(_table(found, axes) for found in matrices)


def _groups(found: Mapping[Family, Trajectories], reference: str) -> dict[Family, dict[str, Trajectories]]:
    """Families by all but their strategy, without those of a single ratio."""
    groups: dict[Family, dict[str, Trajectories]] = {}
    for family, trajectories in found.items():
        if len(trajectories.percents) > 1:
            groups.setdefault(family._replace(strategy=reference), {})[family.strategy] = trajectories
    return groups


def _refusal(reference: Trajectories | None, name: str) -> str:
    if reference is None:
        return f"their checkpoints are those of {name}, which was not run with them"
    if not reference.whole:
        return f"their checkpoints are those of {name}, of which cells are missing"
    if len(reference.seeds) < 2:
        return "with a single seed there is nothing to pair"
    return "" if reference.planned.all() else f"not every fold of {name} has every seed"


def _usable(alike: Mapping[str, Trajectories], reference: Trajectories) -> dict[str, Trajectories]:
    """The strategies that fill the grid of the reference: seeds are paired by name, never by position."""
    grid = (reference.folds, reference.seeds, reference.percents)
    return {
        name: trajectories
        for name, trajectories in alike.items()
        if (trajectories.folds, trajectories.seeds, trajectories.percents) == grid
        and bool(trajectories.complete.all())
    }


def _matrix(
    group: Family, usable: Mapping[str, Trajectories], reference: Trajectories, left_out: tuple[str, ...]
) -> Penalties:
    points = checkpoints(reference.curve("labelled").tolist(), reference.curve().tolist())
    scores = np.stack(
        [trajectories.values["score"].mean(axis=0).T[points] for trajectories in usable.values()]
    )
    percents = tuple(reference.percents[point] for point in points)
    return Penalties(group, tuple(usable), penalty_matrix(scores), percents, len(reference.seeds), left_out)


def _rows(found: Penalties) -> Iterator[dict[str, object]]:
    for place, strategy in enumerate(found.strategies):
        for column, other in enumerate(found.strategies):
            yield {
                **found.group._replace(strategy=strategy)._asdict(),
                "other": other,
                "beats": found.matrix[place, column],
                "beaten_by_others": found.beaten[place],
                "checkpoints": ", ".join(f"{percent:g}" for percent in found.percents),
                "seeds": found.seeds,
                "scope": "conditional on these speakers",
            }


def _table(found: Penalties, axes: list[str]) -> Table:
    lines = [
        (Cell(strategy), *(figure(share, lambda value: percent(value, 0)) for share in found.matrix[place]))
        for place, strategy in enumerate(found.strategies)
    ]
    least = found.beaten.min()
    means = (
        figure(share, percent, bold=bool(share - least < 1e-12 < np.ptp(found.beaten)))
        for share in found.beaten
    )
    note = _NOTE.format(
        points=", ".join(map(percent_text, found.percents)),
        seeds=found.seeds,
        reference=found.group.strategy,
    ) + (
        f" Left out, with missing cells or other ratios: {', '.join(found.left_out)}." * bool(found.left_out)
    )
    where = f", {label(found.group, axes)}" if axes else ""
    return Table(
        f"Pairwise penalties{where}",
        ("", *found.strategies),
        (*lines, (Cell("beaten by others"), *means)),
        note,
    )


def _means(matrices: list[Penalties], axes: list[str]) -> Table:
    strategies = list(dict.fromkeys(name for found in matrices for name in found.strategies))
    columns = [dict(zip(found.strategies, found.beaten.tolist(), strict=True)) for found in matrices]
    rows = tuple(
        (
            Cell(name),
            *(figure(shares.get(name), percent) if name in shares else Cell(NOTHING) for shares in columns),
        )
        for name in strategies
    )
    titles = (label(found.group, axes) for found in matrices)
    return Table("Pairwise penalties: how often others beat a strategy", ("", *titles), rows, _MEANS_NOTE)


def _place(group: Family) -> str:
    of_answers = {axis: getattr(group, axis) for axis in NEUTRAL}
    told = [words(axis, value) for axis, value in of_answers.items() if value != NEUTRAL[axis]]
    names = ", ".join([group.adaptation, group.initialization, group.restart, *told])
    return f"{group.method} on {group.corpus} ({names})"
