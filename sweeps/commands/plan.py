"""What studies ask for, together, and how much of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreFolder,
    StudyFiles,
    one_sentence,
    opened_studies,
    refuse_shared_recordings,
)

if TYPE_CHECKING:
    from sweeps.opening import OpenStudy


def plan(
    studies: StudyFiles,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable numbers.")] = False,
) -> None:
    """Show what studies ask for, what of it is done, and what they share."""
    with one_sentence(store):
        opened = opened_studies(studies, store, overrides, only, quiet=as_json)
        for one in opened:
            refuse_shared_recordings(one)
        if as_json:
            import json

            print(json.dumps(_numbers(opened)))
        else:
            _print(opened)


def _numbers(studies: Sequence[OpenStudy]) -> dict[str, Any]:
    """Of one study its numbers; of several those of each, and of all together."""
    from sweeps.counting import counts

    ledger = studies[0].store.ledger
    done, failed = ledger.finished(), ledger.failures()
    each = [{"study": one.study.study, **counts([one.wanted], done, failed)} for one in studies]
    if len(each) == 1:
        return each[0]
    return {"studies": each, **counts([one.wanted for one in studies], done, failed)}


def _print(studies: Sequence[OpenStudy]) -> None:
    from sweeps._console import console, print_table
    from sweeps.changes import changes
    from sweeps.counting import counts
    from sweeps.in_words import preset_in_words

    ledger = studies[0].store.ledger
    done, failed = ledger.finished(), ledger.failures()
    columns = {one.study.study: counts([one.wanted], done, failed) for one in studies}
    if len(studies) > 1:
        columns["together"] = counts([one.wanted for one in studies], done, failed)
    names = next(iter(columns.values()))
    rows = [[name.replace("_", " "), *(str(numbers[name]) for numbers in columns.values())] for name in names]
    print_table("plan", ["", *columns], rows)
    for one in studies:
        told = changes(one.wanted, done).sentences()
        if said := preset_in_words(one.study):
            told.append(f"protocol {one.study.protocol.preset}: {said}")
        before = f"{one.study.study}: " if len(studies) > 1 else ""
        for sentence in told:
            console.print(before + sentence, markup=False)
