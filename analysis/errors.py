"""Errors of the analysis: each is one sentence for the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from after_ray.errors import AfterRayError


class MissingColumns(AfterRayError):
    """The planned cells lack columns that the analysis needs."""

    def __init__(self, missing: Iterable[str], present: Iterable[str]) -> None:
        super().__init__(
            f"The table of cells has no column {', '.join(missing)}; it has {', '.join(map(str, present))}. "
            "Hand over one row per planned cell, with all of them."
        )


class NoCells(AfterRayError):
    """A plan without a single cell."""

    def __init__(self) -> None:
        super().__init__(
            "The study plans no cell at all, so there is nothing to read from the store. "
            "Declare at least one corpus, method, strategy, ratio, fold and seed."
        )


class RaggedTable(AfterRayError):
    """Folds x seeds that are not a full grid: a paired test on what happens to be there would mislead."""

    def __init__(self, what: str, holes: Sequence[tuple[int, int]], folds: int, seeds: int) -> None:
        shown = ", ".join(f"fold {fold} seed {seed}" for fold, seed in holes[:4])
        more = f" and {len(holes) - 4} more" if len(holes) > 4 else ""
        super().__init__(
            f"{what}: {len(holes)} of {folds * seeds} cells ({folds} folds x {seeds} seeds) are missing "
            f"({shown}{more}); a paired test needs all of them. Run the study again to fill them in."
        )


class AmbiguousSelection(AfterRayError):
    """A selection with several results for one fold and seed."""

    def __init__(self, what: str, varying: Sequence[str]) -> None:
        between = f"; they differ in {', '.join(varying)}" if varying else ""
        super().__init__(f"{what} has several cells for one fold and seed{between}. Name those columns too.")


class EmptySelection(AfterRayError):
    """A selection that matches no finished cell."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: no finished cell matches. Check the names, or run the study first.")


class NoResults(AfterRayError):
    """A report was asked for before anything finished."""

    def __init__(self, study: str, planned: int) -> None:
        super().__init__(
            f"Study '{study}' has no finished cell (of {planned} planned), so there is nothing to report. "
            "A report can be made from one finished cell on: run it, and mend what its failed trials say."
        )
