"""Corpora, looked at before a study uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    one_sentence,
    opened_study,
)

app = typer.Typer(help="Look at corpora before a study uses them.", no_args_is_help=True)


@app.command()
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
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Count a corpus by class and speaker, compare it with its official release, name every unusable file."""
    with one_sentence(store):
        from sweeps.corpora.scanning import corpus_settings, print_scan

        print_scan(corpus_settings(name, root, settings or ()), store, checksums)


@app.command()
def overlap(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    near: Annotated[
        bool, typer.Option("--near/--no-near", help="Listen to every utterance for near duplicates too.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything machine-readable.")] = False,
) -> None:
    """Show which sentences test and train share, and recordings that are there twice."""
    with one_sentence(store):
        from sweeps.corpora.overlap import as_json as to_json
        from sweeps.corpora.overlap import measure, print_overlap

        found = measure(opened_study(study, store, overrides, quiet=as_json), near, quiet=as_json)
        if as_json:
            print(to_json(found))
        else:
            print_overlap(found)
        found.check()


@app.command()
def folds(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write one fold file per corpus into, for other machines.")
    ] = None,
) -> None:
    """Show who is train, validation and test in every fold; with --out write it to files."""
    with one_sentence(store):
        from sweeps.corpora.folding import print_folds

        print_folds(opened_study(study, store, overrides), out)
