"""What a study asks for, and how much of it is done."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreFolder,
    StudyFile,
    one_sentence,
    opened_study,
    refuse_shared_recordings,
)


def plan(
    study: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable counts.")] = False,
) -> None:
    """Show what a study asks for and how much of it is done."""
    with one_sentence(store):
        opened = opened_study(study, store, overrides, quiet=as_json)
        refuse_shared_recordings(opened)
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
