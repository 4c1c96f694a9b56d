"""How far a study is."""

from __future__ import annotations

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreFolder,
    StudyFile,
    one_sentence,
    opened_study,
)


def status(study: StudyFile, store: StoreFolder = DEFAULT_STORE, overrides: Overrides = None) -> None:
    """Show what is done, what is missing and what failed, with one sentence per failure."""
    with one_sentence(store):
        from sweeps._console import console, print_counts

        opened = opened_study(study, store, overrides)
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
