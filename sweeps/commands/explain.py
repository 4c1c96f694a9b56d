"""Why the clips of one round were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    one_sentence,
    opened_study,
    refuse_no_store,
)

if TYPE_CHECKING:
    from sweeps.selections.explaining import Explanation, Reason

COLUMNS = (
    "order", "utterance", "label", "corpus_label", "score", "rank",
    "nearest_labelled", "nearest_label", "nearest_corpus_label", "distance", "audio",
)  # fmt: skip
OF_NEIGHBOURS = ("nearest_labelled", "nearest_label", "nearest_corpus_label", "distance")
OF_CORPUS = ("corpus_label", "nearest_corpus_label")  # where annotators told another label
SPACE = (
    "distances: Euclidean, between summaries (one vector per utterance) of the features that the classifier "
    "is trained on, standardised over train"
)
LONGEST_DETAIL = 200  # characters that are shown of one thing a strategy recorded


def explain(
    study: StudyFile,
    cell: Annotated[
        str,
        typer.Option(
            "--cell",
            help="The trajectory: 'strategy=entropy,fold=2,seed=0', or the beginning of a key.",
            metavar="AXIS=VALUE,...|KEY",
        ),
    ],
    round_: Annotated[int, typer.Option("--round", min=0, help="The round; 0 is the first.")],
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    top: Annotated[int | None, typer.Option(min=1, help="Show only the first N that were acquired.")] = None,
    near: Annotated[
        int, typer.Option(min=0, help="Also show the best N that were not taken, where the pool is ranked.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Also write all of it as CSV.", metavar="FILE.csv")] = None,
) -> None:
    """Show which utterances a round of one trajectory acquired, first choice first, and why."""
    with one_sentence(store):
        refuse_no_store(store, [study], overrides)
        from sweeps.selections.choosing import trajectory_of
        from sweeps.selections.explaining import Explanation

        opened = opened_study(study, store, overrides, quiet=True)
        told = Explanation(opened, trajectory_of(opened.plan, cell), round_)
        reasons, others = told.reasons(top if out is None else None), told.below_the_line(near)
        _print(told, reasons[:top], others, near)
        if out is not None:
            from sweeps.selections.csv_file import write_csv

            write_csv(out, COLUMNS, (_fields(reason) for reason in (*reasons, *others)))
            print(f"written: {out}")


def _print(told: Explanation, reasons: Sequence[Reason], others: Sequence[Reason], near: int) -> None:
    from sweeps._console import console, print_table
    from sweeps.selections.explaining import acquired_by

    axes = told.trajectory.axes
    stage = told.trajectory.stages[told.number]
    count, pool = len(told.round.rows), told.round.pool
    by = acquired_by(stage)
    title = (
        f"{axes.corpus}, {axes.method}, fold {axes.fold}, seed {axes.seed}, round {told.number} "
        f"({told.percent:g} % of train): {count} of {pool} by {by}"
    )
    left_out = ((not told.has_neighbours, OF_NEIGHBOURS), (not told.annotated, OF_CORPUS))
    columns = [name for name in COLUMNS if not any(out and name in names for out, names in left_out)]
    console.print(title, markup=False)
    header = [name.replace("_", " ") for name in columns]
    print_table("", header, [_shown(told, reason, columns) for reason in reasons])
    if told.has_neighbours:
        console.print(SPACE, markup=False)
    if told.round.details:
        recorded = (f"{name} {_short(value)}" for name, value in told.round.details.items())
        console.print(f"recorded by {by}: {'; '.join(recorded)}", markup=False)
    if others:
        rows = [[reason.place.utterance, *_numbers(told, reason), reason.audio] for reason in others]
        print_table("just below the line, not taken", ["utterance", "score", "rank", "audio"], rows)
    elif near and not told.round.ranks_pool:
        console.print(f"the pool is not ranked by {by}: nothing stands just below the line", markup=False)
    elif near:
        console.print("nothing stands below the line: the whole pool was taken", markup=False)


def _shown(told: Explanation, reason: Reason, columns: Sequence[str]) -> list[str]:
    """One row of the table."""
    row = dict(zip(COLUMNS, _fields(reason), strict=True))
    row["score"], row["rank"] = _numbers(told, reason)
    row["distance"] = None if reason.distance is None else f"{reason.distance:.3g}"
    return ["" if row[name] is None else str(row[name]) for name in columns]


def _numbers(told: Explanation, reason: Reason) -> list[str]:
    score, rank = reason.place.score, reason.place.rank
    ranked = "" if rank is None else f"{rank} of {told.round.pool}"
    return ["" if score is None else f"{score:.4g}", ranked]


def _fields(reason: Reason) -> list[Any]:
    """One row of the file; None is an empty field."""
    place = reason.place
    return [
        place.order, place.utterance, reason.label, reason.corpus_label, place.score, place.rank,
        reason.neighbour, reason.neighbour_label, reason.neighbour_corpus_label, reason.distance,
        reason.audio,
    ]  # fmt: skip


def _short(value: Any) -> str:
    """A number in four digits, lists of them as well; what is long is cut."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        text = f"[{', '.join(map(_short, value))}]"
    elif isinstance(value, dict):
        text = ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    else:
        text = str(value)
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}..."
