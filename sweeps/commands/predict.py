"""What a trained model says of recordings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands._options import DEFAULT_STORE, OwnClassifier, one_sentence, quiet_libraries

if TYPE_CHECKING:
    from after_ray.prediction import Prediction, Refused

MOST_WORKERS = 4  # decoding is a hundredth of the work
ENDED_BY_PIPE = 128 + 13  # as shells tell of a SIGPIPE


def predict(
    model: Annotated[
        Path, typer.Argument(help="Folder that 'after-ray export model' wrote.", metavar="MODEL")
    ],
    files: Annotated[
        list[Path], typer.Argument(help="Recordings, or folders of recordings.", metavar="FILES...")
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write; printed by default.", metavar="FILE")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="JSON lines in place of CSV.")] = False,
    window: Annotated[
        float | None,
        typer.Option(
            help="Seconds; by default only recordings longer than clips are cut.", metavar="SECONDS"
        ),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option(help="From window to window; by default they do not overlap.", metavar="SECONDS"),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Windows that are scored at a time.")] = 32,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Threads that decode; by default up to four.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    own_classifier: OwnClassifier = None,
) -> None:
    """Write the label of every recording and the probabilities of classes; of long ones a row per window.

    A file that cannot be used is one sentence on stderr, and exit code 1 at the end; the others are written.
    """
    with one_sentence(DEFAULT_STORE), _quiet_pipe():
        quiet_libraries()
        from after_ray.models import Model
        from after_ray.prediction import Windows, find, known_device
        from after_ray.prediction import predict as predicted
        from after_ray.wording import counted

        loaded = Model.load(model, known_device(device), own_classifier)
        windows = Windows.for_model(loaded.facts, window, hop)
        found, told = find(files), _Told()
        _refuse_place(out, found.files, model)
        if found.repeated:
            told.say(f"{counted(found.repeated, 'file')} named again, and not taken twice")
        told.pass_over(found.linked, "linked folder", "not looked into; name what a link leads to as well")
        told.pass_over(found.unheard, "file", "in a format that is not read; convert to wav or FLAC")
        told.refuse(found.refused)
        threads = workers or min(MOST_WORKERS, os.cpu_count() or 1)
        said = predicted(loaded, found.files, windows, batch=batch, workers=threads)
        _write(out, json_lines, loaded.classes, told.only_predictions(said))
        told.end()
    if told.bad:
        raise typer.Exit(1)


@contextmanager
def _quiet_pipe() -> Iterator[None]:
    """Who reads stdout may have enough of it, as `head` has: then this ends as other programs do."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        raise typer.Exit(ENDED_BY_PIPE) from None


def _refuse_place(out: Path | None, files: Sequence[Path], model: Path) -> None:
    """A table never replaces a recording, and nothing of a model, whatever is mistyped."""
    from after_ray.errors import BadValue

    if out is None:
        return
    if os.path.abspath(out) in map(os.path.abspath, files):
        raise BadValue("--out", str(out), "a file that is none of the recordings")
    if out.resolve().is_relative_to(model.resolve()):
        raise BadValue("--out", str(out), "a file outside of the model's folder")


class _Told:
    """What is said on stderr: stdout may go into a file."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        self.bad: set[Path] = set()
        self.windows = self.silent = 0

    def pass_over(self, paths: Sequence[Path], what: str, why: str) -> None:
        """One line about what a folder has and the table has not."""
        from after_ray.wording import counted, printable

        if paths:
            self.say(f"{counted(len(paths), what)} {why} (such as {printable(str(paths[0]))})")

    def refuse(self, refused: Iterable[Refused]) -> None:
        """One sentence each."""
        from sweeps._console import errors

        for one in refused:
            self.bad.add(one.file)
            errors.print(f"error: {one.sentence}", markup=False)

    def only_predictions(self, said: Iterable[Prediction | Refused]) -> Iterator[Prediction]:
        """Those that go into the table, counted; the others are told."""
        from after_ray.prediction import Refused

        for one in said:
            if isinstance(one, Refused):
                self.refuse([one])
                continue
            self.files.add(one.file)
            self.windows += 1
            self.silent += one.probabilities is None
            yield one

    def end(self) -> None:
        """How much there was."""
        from after_ray.wording import counted

        line = f"{counted(len(self.files), 'recording')}, {counted(self.windows, 'row')}"
        if self.silent:
            line += f", of which {self.silent} without a label: digital silence"
        if self.bad:
            line += f"; {counted(len(self.bad), 'file')} could not be used"
        self.say(line)

    def say(self, line: str) -> None:
        """A line on stderr, after what is on stdout by then."""
        sys.stdout.flush()
        print(line, file=sys.stderr)


def _write(
    out: Path | None, json_lines: bool, classes: Sequence[str], predictions: Iterable[Prediction]
) -> None:
    from after_ray.files import write_lines
    from sweeps.selections.csv_file import csv_lines, refuse_folder

    if json_lines:
        lines: Iterable[str] = (_json(one, classes) for one in predictions)
    else:
        columns = ("file", "start", "end", "label", *(f"p_{name}" for name in classes))
        lines = csv_lines(columns, (_cells(one, classes) for one in predictions))
    if out is not None:
        refuse_folder(out)
        write_lines(out, lines)
        return
    for line in lines:
        print(line)


def _cells(one: Prediction, classes: Sequence[str]) -> list[Any]:
    """One row of the table, which a spreadsheet may open: nothing in it is computed."""
    from sweeps.selections.csv_file import harmless_path, harmless_text

    label, shares = one.label(classes), one.probabilities
    name = os.fsencode(one.file).decode("utf-8", "backslashreplace")  # a name need not be UTF-8
    values = [None] * len(classes) if shares is None else shares.tolist()
    said = None if label is None else harmless_text(label)
    return [harmless_path(name), round(one.start, 4), round(one.end, 4), said, *values]


def _json(one: Prediction, classes: Sequence[str]) -> str:
    """One line; a name that is not UTF-8 comes out of it as Python's file names have it."""
    shares = one.probabilities
    line = {
        "file": str(one.file),
        "start": round(one.start, 4),
        "end": round(one.end, 4),
        "label": one.label(classes),
        "probabilities": None if shares is None else dict(zip(classes, shares.tolist(), strict=True)),
    }
    return json.dumps(line, allow_nan=False)
