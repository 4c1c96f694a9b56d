"""Label your own recordings with a study's choices: begin, write a batch, take answers in, look."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import BadValue
from sweeps.commands._launching import Address, CacheFolder, CacheLimit, Cores
from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    TrackingUri,
    one_sentence,
    quiet_libraries,
    scanning,
)

if TYPE_CHECKING:
    from sweeps.labelling.opening import OpenLabelling, Standing

app = typer.Typer(
    help="Label your own recordings, a batch at a time, with a study's choices.", no_args_is_help=True
)
StudyName = Annotated[
    str | None,
    typer.Option(
        "--study", help="Of several labellings in the store, the one of this study.", metavar="NAME"
    ),
]
Annotator = Annotated[
    str | None,
    typer.Option(
        "--annotator", help="Who answered, where the file names nobody; you by default.", metavar="NAME"
    ),
]
Annotators = Annotated[
    list[str] | None,
    typer.Option(
        "--annotator",
        help="Who answers; you by default. Name several, and each gets an address.",
        metavar="NAME",
    ),
]


@app.callback()
def annotate() -> None:
    """Label your own recordings, a batch at a time, with a study's choices."""


@app.command()
def start(
    study: StudyFile,
    audio: Annotated[
        Path,
        typer.Option(
            "--audio", help="Folder of recordings, or a CSV with the columns path and speaker.", metavar="DIR"
        ),
    ],
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes", help="To tell apart, with commas; the study's by default.", metavar="A,B,..."
        ),
    ] = None,
    annotators: Annotated[int, typer.Option(min=1, help="That hear every clip.")] = 1,
    soft: Annotated[bool, typer.Option("--soft", help="Train on the shares of their answers.")] = False,
    validation: Annotated[
        int, typer.Option(min=0, help="Clips that training is judged by; 0: all of the part.")
    ] = 50,
    test: Annotated[
        int, typer.Option(min=0, help="Clips that the model is tested on; 0: all of the part.")
    ] = 50,
    skip_unusable: Annotated[
        bool, typer.Option("--skip-unusable", help="Leave files out that cannot be used.")
    ] = False,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
) -> None:
    """Adapt the study's backbone to recordings that nobody has labelled, and choose the first batch."""
    with one_sentence(store):
        quiet_libraries()
        from after_ray.store import Store
        from sweeps.labelling.going import go_on
        from sweeps.labelling.opening import OpenLabelling
        from sweeps.labelling.starting import Wishes, start
        from sweeps.launching.ray_start import Where

        named = tuple(name.strip() for name in classes.split(",")) if classes else ()
        wishes = Wishes(
            audio, named, annotators, soft, validation or None, test or None, skip_unusable=skip_unusable
        )
        with scanning() as progress:
            labelling, opened = start(study, overrides or (), wishes, Store(store), progress)
        begun = OpenLabelling(labelling, opened)
        _say(begun, go_on(begun, Where(address, cache_dir, cpus, cache_gb), tracking_uri))


@app.command()
def next(
    store: StoreOption = DEFAULT_STORE,
    study: StudyName = None,
    out: Annotated[Path, typer.Option("--out", help="Table to write.", metavar="FILE.csv")] = Path(
        "batch.csv"
    ),
    label_studio: Annotated[
        Path | None,
        typer.Option("--label-studio", help="Write tasks for Label Studio instead.", metavar="FILE.json"),
    ] = None,
    audio_url: Annotated[
        str, typer.Option("--audio-url", help="What Label Studio plays, before a clip's path.", metavar="URL")
    ] = "/data/local-files/?d=",
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
) -> None:
    """Write the clips that wait for a label."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.labelling import csv_batch
        from sweeps.labelling import label_studio as studio
        from sweeps.labelling.going import go_on
        from sweeps.labelling.replacing import refuse_csv_loss, refuse_tasks_loss
        from sweeps.launching.ray_start import Where

        opened = _opened(store, study)
        if label_studio is None:
            refuse_csv_loss(out, opened.journal)
        else:
            refuse_tasks_loss(label_studio)
        standing = opened.stands()
        if not standing.waiting and not standing.finished:  # all is answered, or it was killed on its way
            standing = go_on(opened, Where(address, cache_dir, cpus, cache_gb), tracking_uri)
        if standing.waiting and label_studio is not None:
            interface = studio.write(label_studio, standing.waiting, opened.labelling.classes, audio_url)
            print(
                f"{len(standing.waiting)} tasks in {label_studio}, their project's interface in {interface}"
            )
        elif standing.waiting:
            csv_batch.write(out, standing.waiting, opened.root)
            print(f"{len(standing.waiting)} clips in {out}")
        _say(opened, standing)


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="CSV, or an export of Label Studio.", metavar="FILE")],
    store: StoreOption = DEFAULT_STORE,
    study: StudyName = None,
    annotator: Annotator = None,
    skip_unasked: Annotated[
        bool,
        typer.Option("--skip-unasked", help="Pass over clips that nobody was asked for."),
    ] = False,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
) -> None:
    """Take answers in; once a round is answered, train on it and choose the next."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.labelling import csv_batch, label_studio
        from sweeps.labelling.going import go_on
        from sweeps.labelling.incoming import take
        from sweeps.launching.ray_start import Where

        opened = _opened(store, study)
        who = annotator or _user()
        studio = label_studio.is_export(file)
        rows = (
            label_studio.read(file, who, named=annotator is not None) if studio else csv_batch.read(file, who)
        )
        via = "label-studio" if studio else "csv"
        taken = take(opened, opened.stands(), file, rows, via, skip_unasked=skip_unasked)
        print("\n".join(taken.lines))
        _say(opened, go_on(opened, Where(address, cache_dir, cpus, cache_gb), tracking_uri))


@app.command()
def labels(
    out: Annotated[Path, typer.Option("--out", help="Table to write.", metavar="FILE.csv")],
    store: StoreOption = DEFAULT_STORE,
    study: StudyName = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Each answer of each annotator, as 'import' takes them in.")
    ] = False,
) -> None:
    """Write the labels as a table that a study reads, or every answer for another labelling."""
    with one_sentence(store):
        quiet_libraries()
        from after_ray.wording import counted
        from sweeps.labelling.outgoing import write_answers, write_labels

        opened = _opened(store, study)
        written = write_answers(out, opened) if answers else write_labels(out, opened)
        reads = f"corpus: {{name: csv, file: {out}, root: {opened.root}}}"
        told = "taken in by 'after-ray annotate import'" if answers else f"a study reads it as {reads}"
        print(f"{counted(written, 'answer' if answers else 'label')} in {out}; {told}")


@app.command()
def status(store: StoreOption = DEFAULT_STORE, study: StudyName = None) -> None:
    """Say how far a labelling is, what its labels brought, and what waits."""
    with one_sentence(store):
        quiet_libraries()
        opened = _opened(store, study)
        _say(opened, opened.stands())


@app.command()
def serve(
    store: StoreOption = DEFAULT_STORE,
    study: StudyName = None,
    annotator: Annotators = None,
    host: Annotated[str, typer.Option(help="Where to listen; with a token if not loopback.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="To listen on.")] = 8765,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token on this machine, too: others work on it.")
    ] = False,
    train: Annotated[
        bool, typer.Option(help="Train on a round that is answered, and go on with the next.")
    ] = True,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
) -> None:
    """Open a page to listen and label, one clip after the other, in a browser or on a phone."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.labelling.going import go_on
        from sweeps.labelling.incoming import annotators_of
        from sweeps.labelling.page.batch import Batch
        from sweeps.labelling.page.serving import Samples, address_of, desks_for, serve
        from sweeps.launching.ray_start import Where
        from sweeps.listening import check_port

        check_port(host, port)  # before hours of training
        opened = _opened(store, study)
        names = _named(annotator, annotators_of(opened.journal))
        where = Where(address, cache_dir, cpus, cache_gb)
        if opened.stands().asked is None:
            go_on(opened, where, tracking_uri)
        batch = Batch(opened)
        desks = desks_for(batch, names, host, token=token)
        samples = Samples(opened, str(cache_dir or opened.store.root / "cache"))
        for secret, desk in desks.items():
            print(f"{desk.annotator}: {address_of(host, port, secret)}")
        print("Ctrl-C ends it; every answer is kept", flush=True)

        def going() -> Standing:
            standing = go_on(opened, where, tracking_uri)
            _say(opened, standing)
            return standing

        serve(batch, desks, samples, host, port, going if train else None)
        if not train:
            _say(opened, opened.stands())


def _named(annotators: list[str] | None, people: dict[str, str]) -> list[str]:
    """Each annotator once, as known so far.

    Raises:
        BadValue: for one without a name.
    """
    from sweeps.labelling.incoming import known_as

    names = list(dict.fromkeys(known_as(name, people) for name in annotators or [_user()]))
    if not all(names):
        raise BadValue("--annotator", "", "a name of who answers")
    return names


def _user() -> str:
    """Who runs this; empty in a container that has no name for its user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _opened(store: str, study: str | None) -> OpenLabelling:
    from sweeps.commands._options import refuse_no_store

    refuse_no_store(store)
    from after_ray.store import Store
    from sweeps.labelling.opening import OpenLabelling

    return OpenLabelling.of(Store(store), study)


def _say(opened: OpenLabelling, standing: Standing) -> None:
    from sweeps.labelling.in_words import standing_in_words

    print("\n".join(standing_in_words(opened, standing)))
