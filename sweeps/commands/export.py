"""Results of a study as files that others can read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import AfterRayError
from sweeps.commands._export_model import ModelByDefault, model
from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreOption,
    StudyFile,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_no_store,
)

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy
    from sweeps.selections.exporting import Selections

OutFolder = Annotated[
    Path, typer.Option("--out", help="Folder to write; it must not be there yet.", metavar="DIR")
]
AdaptationName = Annotated[
    str | None, typer.Option("--adaptation", help="Of several the one of this name.", metavar="NAME")
]
app = typer.Typer(
    help="Write results of a study as files that others can read.",
    cls=ModelByDefault,
    no_args_is_help=True,
)
app.command("model")(model)


class NothingSelected(AfterRayError):
    """An export of selections before any round is finished."""

    def __init__(self, opened: OpenStudy) -> None:
        run = opened.command_here("run")
        super().__init__(f"No round of what is asked for is finished, so nothing is selected yet; run: {run}")


@app.callback()
def export() -> None:
    """Write results of a study as files that others can read."""


@app.command()
def selections(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; printed by default.", metavar="FILE.csv")
    ] = None,
) -> None:
    """Write one row per utterance that a finished round acquired; 'strategy: replay' reads such a file."""
    with one_sentence(store):
        refuse_no_store(store, [study], overrides)
        from sweeps.selections.csv_file import csv_lines, write_csv
        from sweeps.selections.exporting import COLUMNS, Selections

        opened = opened_study(study, store, overrides, quiet=True, only=only)
        done = opened.store.ledger.finished()
        if not any(t.first.key in done for t in opened.wanted.trajectories):
            raise NothingSelected(opened)
        found = Selections(opened)
        if out is None:
            for line in csv_lines(COLUMNS, found.rows()):
                print(line)
        else:
            write_csv(out, COLUMNS, found.rows())
        _say(found)


@app.command()
def backbone(
    study: StudyFile,
    out: OutFolder,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    adaptation: AdaptationName = None,
) -> None:
    """Write an adapted backbone as a folder that 'backbone: DIR' of a study and plain transformers load."""
    with one_sentence(store):
        refuse_no_store(store, [study], overrides)
        from sweeps.planning.adaptations import the_adaptation

        quiet_libraries()
        opened = opened_study(study, store, overrides, quiet=True, only=only)
        found = the_adaptation(opened, adaptation)
        from after_ray.execution.exported import export_adapted

        name, heard = opened.study.study, (found.audio, found.seconds)
        origin = export_adapted(found.stage, opened.store, out.absolute(), name, *heard)
        heads = "with" if origin.heads else "without"
        print(f"{out}: {origin.told}; {heads} the heads of pre-training; key {found.stage.key[:12]}")


def _say(found: Selections) -> None:
    """On stderr: what is printed may go into a file."""
    from after_ray.wording import counted

    rounds = counted(found.rounds, "finished round")
    print(f"selections of {rounds}", file=sys.stderr)
    if found.unfinished:
        missing, trajectories = sum(found.unfinished.values()), len(found.unfinished)
        of = counted(trajectories, "trajectory", "trajectories")
        verb = "is" if missing == 1 else "are"
        print(f"{counted(missing, 'round')} of {of} {verb} not finished and not among them", file=sys.stderr)
