"""Trying again what failed, also what failed so often that it is passed over."""

from __future__ import annotations

from sweeps.planning.opening import OpenStudy
from sweeps.searching.book import Book
from sweeps.searching.shared import shared_jobs


def forgive_failures(opened: OpenStudy) -> None:
    """Remove the notes of failed candidates and of their stages, as if none had been tried."""
    book = Book.open(opened)
    keys = set(shared_jobs(book.expander, set()))
    for candidate in book.candidates:
        if not isinstance(candidate.asks, str):
            keys |= {candidate.asks.stage.key, *candidate.asks.plan.keys}
    opened.store.ledger.forgive(keys & opened.store.ledger.failures().keys())
