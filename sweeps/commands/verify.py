"""Whether finished results come out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from sweeps.provenance.verify import Compared


def verify(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    share: Annotated[
        str, typer.Option("--sample", help="Share of the finished trajectories, at least one.", metavar="P%")
    ] = "2%",
    seed: Annotated[int, typer.Option(min=0, help="Which ones: another seed picks others.")] = 0,
    adaptations: Annotated[
        bool,
        typer.Option(
            "--adaptations",
            help="Also adapt their backbones and pretrain their encoders again, which takes longer.",
        ),
    ] = False,
    cache_dir: Annotated[
        Path | None,
        typer.Option(help="Folder on this machine's own disk for memory maps; a temporary one by default."),
    ] = None,
) -> None:
    """Run a share of the finished trajectories again, apart from the store, and compare the results."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.provenance.verify import share_of

        part = share_of(share)
        refuse_no_store(store, [study], overrides)
        verify_opened(opened_study(study, store, overrides, only=only), part, seed, adaptations, cache_dir)


def verify_opened(opened: OpenStudy, share: float, seed: int, adaptations: bool, cache: Path | None) -> None:
    """Compare, and print what was found; ends with exit code 1 where something differs."""
    import tempfile

    from sweeps._console import meter
    from sweeps.provenance.verify import Again, sample, verify

    chosen, finished = sample(opened.wanted, opened.store, share, seed)
    with (
        tempfile.TemporaryDirectory(prefix="after-ray-verify-", ignore_cleanup_errors=True) as folder,
        meter("run again", len(chosen)) as shown,
    ):
        compared = verify(Again(opened.store, Path(folder), cache), chosen, adaptations, shown.to)
    print(f"{len(chosen)} of {finished} finished trajectories ran again")
    _print(compared)
    if any(one.wrong for one in compared):
        raise typer.Exit(1)


def _print(compared: Sequence[Compared]) -> None:
    """Which promise was checked of how many results, and what does not keep it."""
    checked = Counter((one.promise.name, one.promise.against) for one in compared)
    kept = Counter((one.promise.name, one.promise.against) for one in compared if not one.wrong)
    for (name, against), count in checked.items():
        why = f", because of {', '.join(against)}" if against else ""
        print(f"checked: {name}{why}: {kept[name, against]} of {count} results")
    for one in compared:
        if one.wrong:
            print(one.sentence)
