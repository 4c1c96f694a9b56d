"""The command line. Nothing heavy is imported before a command needs it, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sweeps.opening import OpenStudy

app = typer.Typer(
    name="after-ray",
    help="Sweeps of active-learning strategies for speech emotion recognition with few labels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
corpora_app = typer.Typer(help="Look at corpora before a study uses them.", no_args_is_help=True)
app.add_typer(corpora_app, name="corpora")

StudyFile = Annotated[Path, typer.Argument(help="Study file (YAML).", metavar="STUDY.yaml")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder that holds all results.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Override a value: --set seed=0..2 --set classifier.steps=300", metavar="KEY=VALUE"
    ),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="MLflow server or database; SQLite in the store by default.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
DEFAULT_STORE = Path("store")


@contextmanager
def one_sentence(store: Path) -> Iterator[None]:
    """Turn errors a user can mend into one sentence and exit code 1."""
    from after_ray.errors import AfterRayError

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


def _file_error(error: OSError, store: Path) -> str:
    """The path, what failed, and what to check."""
    problem = error.strerror or str(error)
    if error.filename is None:
        return f"{problem}."
    path = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(store)):
        remedy = "check that --store names a folder that can be written to and has space left"
    else:
        remedy = "check that it is there, and that you may read it"
    return f"{path} cannot be used ({problem}); {remedy}."


@app.command()
def plan(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable counts.")] = False,
) -> None:
    """Show what a study asks for and how much of it is done."""
    with one_sentence(store):
        opened = _open(study, store, overrides, quiet=as_json)
        _refuse_shared_recordings(opened)
        counts = opened.plan.counts(opened.store.ledger.finished(), opened.store.ledger.failures())
        if as_json:
            import json

            print(json.dumps({"study": opened.study.study, **counts}))
            return
        from sweeps._console import console, print_counts
        from sweeps.in_words import preset_in_words

        print_counts(f"plan of {opened.study.study}", counts)
        if said := preset_in_words(opened.study):
            console.print(f"protocol {opened.study.protocol.preset}: {said}", markup=False)


@app.command()
def run(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    address: Annotated[
        str | None, typer.Option(help="Address of a running Ray ('auto'); local Ray by default.")
    ] = None,
    tracking_uri: TrackingUri = None,
    cache_dir: Annotated[
        Path | None, typer.Option(help="Folder on each node's own disk for memory maps.")
    ] = None,
    cache_gb: Annotated[
        float, typer.Option(min=0.001, help="Size limit of that folder; what was not used for longest goes.")
    ] = 50.0,
    cpus: Annotated[int | None, typer.Option(min=1, help="Cores of a local Ray; all by default.")] = None,
) -> None:
    """Run everything a study still misses, then write its report."""
    with one_sentence(store):
        _quiet_libraries()
        from sweeps.launch import Where
        from sweeps.running import run_study
        from sweeps.tracking import default_tracking_uri

        opened = _open(study, store, overrides)
        _refuse_shared_recordings(opened)
        opened.store.probe()
        where = Where(address, cache_dir, cpus, cache_gb)
        done = run_study(opened, where, tracking_uri or default_tracking_uri(opened.store))
        print(f"{done.outcome.ran} trials ran, {len(done.outcome.failed)} failed")
        if done.outcome.blocked:
            print(f"{done.outcome.blocked} trials could not run because what they need failed")
        if done.mirrored.pending:
            print(f"{done.mirrored.pending} trajectories are not in MLflow yet; see the message above")
        _report(opened, None)
        missing = opened.plan.counts(opened.store.ledger.finished(), {})["missing"]
        if missing:
            print(f"{missing} cells are missing; 'after-ray status {study} --store {store}' says why")
            raise typer.Exit(1)


@app.command()
def status(study: StudyFile, store: StoreFolder = DEFAULT_STORE, overrides: Overrides = None) -> None:
    """Show what is done, what is missing and what failed, with one sentence per failure."""
    with one_sentence(store):
        from sweeps._console import console, print_counts

        opened = _open(study, store, overrides)
        failures = opened.store.ledger.failures()
        counts = opened.plan.counts(opened.store.ledger.finished(), failures)
        print_counts(f"status of {opened.study.study}", counts)
        for failure in failures.values():
            if failure.key in opened.plan.keys:
                console.print(
                    f"{failure.key[:8]} failed {failure.attempts} time(s): {failure.sentence}", markup=False
                )
                if failure.log:
                    console.print(f"  trace: {opened.store.root / failure.log}", markup=False)


@app.command()
def report(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report; STORE/reports/NAME by default.")
    ] = None,
) -> None:
    """Write the report of a study: curves, tables, tests, one HTML page."""
    with one_sentence(store):
        _report(_open(study, store, overrides), out)


@app.command()
def ui(
    store: StoreFolder = DEFAULT_STORE,
    tracking_uri: TrackingUri = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
) -> None:
    """Open MLflow's pages on a store."""
    with one_sentence(store):
        from after_ray.store import Store
        from sweeps.tracking import default_tracking_uri
        from sweeps.ui import serve

        serve(Store(store), tracking_uri or default_tracking_uri(Store(store)), host, port)


@corpora_app.command()
def scan(
    name: Annotated[str, typer.Argument(help="Name of the corpus, such as emodb, merged or csv.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the corpus.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any setting of the corpus: --set file=my.csv --set 'labels={anger: anger, fear: fear}'",
            metavar="KEY=VALUE",
        ),
    ] = None,
    checksums: Annotated[
        bool, typer.Option("--checksums", help="Compare every file with the published SHA-256.")
    ] = False,
    store: StoreFolder = DEFAULT_STORE,
) -> None:
    """Count a corpus by class and speaker, compare it with its official release, name every unusable file."""
    with one_sentence(store):
        from sweeps.scanning import corpus_settings, print_scan

        print_scan(corpus_settings(name, root, settings or ()), store, checksums)


@corpora_app.command()
def overlap(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    near: Annotated[
        bool, typer.Option("--near/--no-near", help="Listen to every utterance for near duplicates too.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything machine-readable.")] = False,
) -> None:
    """Show which sentences test and train share, and recordings that are there twice."""
    with one_sentence(store):
        from sweeps.overlap import as_json as to_json
        from sweeps.overlap import measure, print_overlap

        found = measure(_open(study, store, overrides, quiet=as_json), near, quiet=as_json)
        if as_json:
            print(to_json(found))
        else:
            print_overlap(found)
        found.check()


@corpora_app.command()
def folds(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write one fold file per corpus into, for other machines.")
    ] = None,
) -> None:
    """Show who is train, validation and test in every fold; with --out write it to files."""
    with one_sentence(store):
        from sweeps.folding import print_folds

        print_folds(_open(study, store, overrides), out)


def _open(study: Path, store: Path, overrides: list[str] | None, quiet: bool = False) -> OpenStudy:
    from sweeps.in_words import left_out_in_words
    from sweeps.opening import open_study

    if quiet:
        return open_study(study, store, overrides or ())
    with _scanning() as progress:
        opened = open_study(study, store, overrides or (), progress)
    for scanned in opened.scans:
        if scanned.problems:
            print(left_out_in_words(scanned))
    return opened


def _refuse_shared_recordings(opened: OpenStudy) -> None:
    """Refuse to train on what is tested: the same samples under two names, which no speaker check sees."""
    from sweeps.splitting import refuse_shared_recordings

    for scanned, split in zip(opened.scans, opened.plan.splits, strict=True):
        refuse_shared_recordings(split, scanned.manifest)


@contextmanager
def _scanning() -> Iterator[Callable[[str, int, int], None]]:
    from sweeps._console import Meter, meter

    with meter("reading corpora", 1) as shown:
        started: Meter = shown
        yield lambda name, done, total: started.to(done, total)


def _report(opened: OpenStudy, out: Path | None) -> None:
    from analysis.tables import terminal_table
    from sweeps._console import print_table
    from sweeps.reporting import read_results, report_folder, write_study_report

    results = read_results(opened)
    paths = write_study_report(opened, results, out or report_folder(opened))
    rows = terminal_table(results)
    if rows:
        cells = [[text.split(" (")[0] for text in row.values()] for row in rows]  # pooled UA is in the report
        print_table(f"{opened.study.study}: UA in percent, mean ± sd over folds", list(rows[0]), cells)
    print(f"report: {paths.page}")


def _quiet_libraries() -> None:
    """No telemetry, no bars of other libraries' own; set before they are imported."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


if __name__ == "__main__":
    app()
