"""Look after a store: what it holds, what can go, and results from one store to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import AfterRayError
from after_ray.wording import counted, size
from sweeps.commands._options import DEFAULT_STORE, StoreOption, one_sentence, opened_studies, refuse_no_store

if TYPE_CHECKING:
    from after_ray.store import Store
    from after_ray.store.archive import Exported
    from after_ray.store.census import Census
    from after_ray.store.garbage import Garbage
    from after_ray.store.merging import Merged
    from after_ray.store.usage import Usage
    from sweeps.planning.opening import OpenStudy

app = typer.Typer(
    help="Look after a store: what it holds, what can go, results to and from another.", no_args_is_help=True
)
SHOWN = 20  # paths or sentences that are printed one by one

SomeStudies = Annotated[
    list[Path] | None, typer.Argument(help="Study files (YAML).", metavar="[STUDY.yaml...]")
]


class NothingToExport(AfterRayError):
    """An export of nothing."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing that was asked for is finished, so there is nothing to export; 'after-ray run' the "
            "study first."
        )


class PartlyExported(AfterRayError):
    """An export without the results that are not whole."""

    def __init__(self, out: Path, exported: Exported) -> None:
        left, all_ = len(exported.left_out), exported.results + len(exported.left_out)
        super().__init__(
            f"{left} of {counted(all_, 'result')} are not in {out}, because they or what they rest on are "
            f"damaged or gone; the first: {next(iter(exported.left_out.values()))}"
        )


@app.command()
def du(studies: SomeStudies = None, store: StoreOption = DEFAULT_STORE) -> None:
    """Show what takes room in a store; with studies also what each of them needs."""
    with one_sentence(store):
        refuse_no_store(store)
        from after_ray.store import Store
        from after_ray.store.census import Census
        from after_ray.store.usage import usage
        from sweeps._console import print_table

        opened = opened_studies(studies or [], store, None)
        census = Census.of(Store(store))
        found = usage(Store(store), census)
        rows = [[name, size(amount.bytes), str(amount.count)] for name, amount in found.amounts.items()]
        print_table(str(store), ["", "bytes", "count"], [*rows, ["together", size(found.total), ""]])
        if opened:
            _print_by_study(opened, census, found)


def _print_by_study(studies: Sequence[OpenStudy], census: Census, found: Usage) -> None:
    from sweeps._console import print_table
    from sweeps.searching.belonging import keys_of

    needed = {one.study.study: census.with_parents(keys_of(one)) for one in studies}
    users = Counter(key for keys in needed.values() for key in keys)
    rows = [
        [name, size(found.of(keys)), size(found.of(key for key in keys if users[key] == 1)), str(len(keys))]
        for name, keys in needed.items()
    ]
    rest = census.records.keys() - users.keys()
    rows.append(["none of these", size(found.of(rest)), size(found.of(rest)), str(len(rest))])
    print_table("results by study", ["", "needed", "by it alone", "results"], rows)


@app.command()
def gc(
    store: StoreOption = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only shown.")] = False,
    days: Annotated[
        float, typer.Option(min=0.0, help="Days after which an unfinished stage counts as abandoned.")
    ] = 30.0,
    keep: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also remove results that belong to none of the studies so named; once for each study.",
            metavar="STUDY.yaml",
        ),
    ] = None,
) -> None:
    """Remove what killed processes left; what was written to within an hour stays, so a study may run."""
    with one_sentence(store):
        refuse_no_store(store)
        from after_ray.store import Store
        from after_ray.store.garbage import find_garbage, remove_garbage
        from sweeps.searching.belonging import keys_of

        opened = opened_studies(keep or [], store, None)
        kept = frozenset().union(*(keys_of(one) for one in opened)) if opened else None
        kept_in = Store(store)
        garbage = find_garbage(kept_in, days, kept)
        if not garbage:
            print("nothing to remove")
        elif yes:
            removed = remove_garbage(kept_in, garbage)
            _print_garbage("removed", removed, kept_in)
            if left := len(garbage) - len(removed):
                print(f"{left} of them stay: they are in use by now, or could not be removed")
        else:
            _print_garbage("can be removed, with --yes", garbage, kept_in)


def _print_garbage(title: str, garbage: Sequence[Garbage], kept_in: Store) -> None:
    from sweeps._console import print_table

    counts: Counter[str] = Counter(piece.what for piece in garbage)
    sizes: Counter[str] = Counter()
    for piece in garbage:
        sizes[piece.what] += piece.bytes
    rows = [[what, size(sizes[what]), str(count)] for what, count in counts.items()]
    print_table(title, ["", "bytes", "count"], [*rows, ["together", size(sizes.total()), str(len(garbage))]])
    for piece in garbage[:SHOWN]:
        print(kept_in.place.told(piece.name))
    if len(garbage) > SHOWN:
        print(f"and {len(garbage) - SHOWN} more")


@app.command(name="export")
def export_(
    out: Annotated[Path, typer.Argument(help="File to write.", metavar="OUT.tar")],
    studies: SomeStudies = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write results into a file: all, or those of studies with everything that they rest on.

    Damaged results, and what rests on them, are left out, which ends with exit code 1.
    """
    with one_sentence(store):
        refuse_no_store(store)
        from after_ray.store import Store
        from after_ray.store.archive import export_results
        from after_ray.store.census import Census
        from sweeps.searching.belonging import keys_of

        opened = opened_studies(studies or [], store, None)
        census = Census.of(Store(store))
        known = census.records.keys() | census.unreadable.keys()
        asked = frozenset().union(*(keys_of(one) for one in opened)) & known if opened else known
        if not asked:
            raise NothingToExport
        exported = export_results(Store(store), asked, census, out)
        print(f"{exported.results} results, {size(out.stat().st_size)}: {out}")
        if exported.left_out:
            raise PartlyExported(out, exported)


@app.command(name="import")
def import_(
    source: Annotated[
        str, typer.Argument(help="File of 'store export', or another store.", metavar="FILE.tar|STORE")
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Take results from a file or another store; what is here stays, whatever it is."""
    with one_sentence(store):
        from after_ray.store import Store
        from after_ray.store.merging import merge_store
        from after_ray.store.places import is_bucket
        from after_ray.store.unpacking import merge_archive

        whole = is_bucket(source) or Path(source).is_dir()
        into = Store(store)
        merged = merge_store(into, Store(source)) if whole else merge_archive(into, Path(source))
        _print_merged(merged)


def _print_merged(merged: Merged) -> None:
    """What was taken; ends with exit code 1 where a result differs, or could not be taken."""
    print(f"{merged.imported} results imported, {merged.standing} were here already")
    _print_first(merged.differing, "that differ")
    _print_first(merged.unreadable, "that cannot be read")
    if merged.left_out:
        print(
            f"{merged.left_out} results were left out, because what they rest on is not here or differs; "
            "'after-ray run' computes them from what is here"
        )
    if merged.differing or merged.unreadable or merged.left_out:
        raise typer.Exit(1)


def _print_first(sentences: Sequence[str], what: str) -> None:
    for sentence in sentences[:SHOWN]:
        print(sentence)
    if len(sentences) > SHOWN:
        print(f"and {len(sentences) - SHOWN} more {what}")
