"""What commands share: their options, one sentence for what a user can mend, and how a study is opened."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import AfterRayError

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy

StudyFile = Annotated[Path, typer.Argument(help="Study file (YAML).", metavar="STUDY.yaml")]
StudyFiles = Annotated[
    list[Path], typer.Argument(help="Study files (YAML), planned together.", metavar="STUDY.yaml...")
]
OnlyText = Annotated[
    str | None,
    typer.Option(
        "--only",
        help="Only these trajectories: --only 'strategy=entropy|margin,fold=2,seed=0..4'",
        metavar="AXIS=VALUE,...",
    ),
]


def _known_store(store: str) -> str:
    """What no store can lie in is refused while the command line is read."""
    from after_ray.store.places import place_of

    with one_sentence(store):
        place_of(store)
    return store


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        callback=_known_store,
        envvar="AFTER_RAY_STORE",
        help="Where all results are: a folder, s3://bucket/prefix or gs://bucket/prefix.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Override a value: --set seed=0..2 --set classifier.steps=300", metavar="KEY=VALUE"
    ),
]


def _known_tracker(tracking_uri: str | None) -> str | None:
    """What is no tracking URI is refused while the command line is read, before anything runs."""
    if tracking_uri:
        from sweeps.tracking.addresses import refuse_unknown

        with one_sentence(DEFAULT_STORE):
            refuse_unknown(tracking_uri)
    return tracking_uri


TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        callback=_known_tracker,
        help="MLflow server or database; SQLite in the store by default.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
OwnClassifier = Annotated[
    str | None,
    typer.Option(
        "--own-classifier",
        help="The class that may be imported for a model of somebody's own classifier.",
        metavar="MODULE:CLASS",
    ),
]
DEFAULT_STORE = "store"
REMEDIES = {
    errno.ENOENT: "check that it is there",
    errno.EEXIST: "a file is where a folder should be: name another path, or move that file away",
    errno.ENOTDIR: "a part of its path is a file, where a folder should be: name another path",
    errno.EISDIR: "it is a folder: name a file",
    errno.EACCES: "check that you may read it, and write where something is written",
    errno.EPERM: "check that you may read it, and write where something is written",
    errno.EROFS: "its disk is read-only: make it writable, or name a place on another",
    errno.ENOSPC: "free room on its disk, or name a place on another",
    errno.EDQUOT: "free room within your quota, or name a place on another disk",
}  # of a file that cannot be used


@contextmanager
def one_sentence(store: str) -> Iterator[None]:
    """Turn errors a user can mend into one sentence and exit code 1."""
    try:
        yield
    except (AfterRayError, OSError) as error:
        from sweeps._console import errors

        sentence = _file_error(error, store) if isinstance(error, OSError) else str(error)
        errors.print(f"error: {sentence}", markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None


def _file_error(error: OSError, store: str) -> str:
    """The path, what failed, and what to check."""
    from after_ray.store.outage import is_in_store

    problem = error.strerror or str(error)
    remedy = REMEDIES.get(error.errno or 0)
    if error.filename is None:
        return f"{problem}; {remedy}." if remedy else f"{problem}."
    path = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    if is_in_store(path, store):
        remedy = f"{remedy or 'check that it can be read and written'} (it belongs to --store {store})"
    return (
        f"{path} cannot be used ({problem}); {remedy or 'check that it is there, and that you may read it'}."
    )


class NoStore(AfterRayError):
    """A folder that is no store."""

    def __init__(self, store: str) -> None:
        super().__init__(f"There is no store at {store}; name one with --store, or run a study into it.")


def refuse_no_store(store: str, studies: Sequence[Path] = (), overrides: Sequence[str] | None = None) -> None:
    """For commands that only look: none of them makes a store where a name was mistyped.

    Mistakes of the study files are told first.
    """
    from sweeps.study.loading import load_study

    for study in studies:
        load_study(study, overrides or ())
    from after_ray.store.ledger import RECORDS
    from after_ray.store.places import place_of

    if RECORDS not in place_of(store).folders(""):
        raise NoStore(store)


class RepeatedStudy(AfterRayError):
    """Two studies of one name in one command."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Two of the studies given are called '{name}'; reports and places in MLflow go by name, so "
            "give each a 'study:' of its own."
        )


def opened_studies(
    studies: Sequence[Path],
    store: str,
    overrides: list[str] | None,
    only: str | None = None,
    quiet: bool = False,
) -> list[OpenStudy]:
    """The studies of one command, read and expanded, each with a name of its own.

    Raises:
        AfterRayError: one sentence about the first thing that is wrong.
    """
    opened = _opened(studies, store, overrides or (), only, quiet)
    names = [one.study.study for one in opened]
    for name in names:
        if names.count(name) > 1:
            raise RepeatedStudy(name)
    return opened


def opened_study(
    study: Path, store: str, overrides: list[str] | None, quiet: bool = False, only: str | None = None
) -> OpenStudy:
    """A study, read and expanded; what it leaves out of its corpora is said."""
    return _opened([study], store, overrides or (), only, quiet)[0]


def _opened(
    studies: Sequence[Path], store: str, overrides: Sequence[str], only: str | None, quiet: bool
) -> list[OpenStudy]:
    """Every corpus is read once, and what is left out of it is said once."""
    from sweeps.planning.only import EVERYTHING, Only
    from sweeps.planning.opening import Scans, open_study
    from sweeps.reporting.in_words import left_out_in_words

    chosen = EVERYTHING if only is None else Only.parse(only)
    scans = Scans()
    if quiet:
        return [open_study(study, store, overrides, None, chosen, scans) for study in studies]
    with scanning() as progress:
        opened = [open_study(study, store, overrides, progress, chosen, scans) for study in studies]
    for scanned in scans.all:
        if told := left_out_in_words(scanned):
            print(told)
    return opened


def refuse_known_recordings(opened: OpenStudy) -> None:
    """Refuse to train on what is tested, under another name or in the training of a backbone before.

    Likewise to learn actively from weights that know the labels. No check of speakers sees any of it.
    """
    from sweeps.planning.heard import refuse_knowing_backbones
    from sweeps.study.splitting import refuse_shared_recordings

    for scanned, split in zip(opened.scans, opened.plan.splits, strict=True):
        refuse_shared_recordings(split, scanned.manifest)
    refuse_knowing_backbones(opened)


def waiting_for_people(opened: OpenStudy) -> str:
    """One sentence where a study waits for people to label; else empty, and nothing heavy is imported."""
    if not any(one.by_people for one in opened.study.annotation):
        return ""
    from sweeps.labelling.in_words import people_in_words

    return people_in_words(opened)


@contextmanager
def scanning() -> Iterator[Callable[[str, int, int], None]]:
    from sweeps._console import Meter, meter

    with meter("reading corpora", 1) as shown:
        started: Meter = shown
        yield lambda name, done, total: started.to(done, total)


def quiet_libraries() -> None:
    """No telemetry, no bars of other libraries' own; set before they are imported."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
