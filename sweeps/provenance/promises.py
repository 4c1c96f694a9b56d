"""What a repeated result promises, and whether two results of one key keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from after_ray.store import Record
from sweeps.provenance.drift import NUMERICAL

BITS = "equal bits (same threads, versions and processor)"
TOLERANCE = 0.05  # of UA, WA and macro F1, where bits are not promised
WITHIN = f"equal selections, and UA, WA and macro F1 within {TOLERANCE}"
SELECTION = "the selection"
METRICS = ("ua", "wa", "macro_f1", "validation_ua", "validation_wa")


@dataclass(frozen=True)
class Promise:
    """Equal bits where nothing stands against them; `against`: what differs in how the two were made."""

    against: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What is promised, in words."""
        return WITHIN if self.against else BITS

    def and_of(self, record: Record, again: Record) -> Promise:
        """What is promised of results that rest on those of this promise, and were made as these two."""
        return Promise(tuple(dict.fromkeys([*self.against, *_against(record, again)])))


def _against(record: Record, again: Record) -> Iterator[str]:
    before, now = record.environment, again.environment
    if "cuda" in (before.get("device"), now.get("device")):
        yield "a GPU"
    for name in ("threads", "device", "device_name", "driver"):
        if before.get(name) != now.get(name):
            yield f"other {_WORDS.get(name, name)}"
    versions, today = (one.get("packages", {}) for one in (before, now))
    yield from (f"another {name}" for name in NUMERICAL if versions.get(name) != today.get(name))


_WORDS = {"device_name": "processor", "driver": "capability or driver"}


def differences(record: Record, again: Record, promise: Promise) -> list[str]:
    """What of a repeated result is not as promised: names of files and measures."""
    found = [] if _picked(record, promise) == _picked(again, promise) else [SELECTION]
    if promise.against:
        return [*found, *_beyond(record.measures, again.measures)]
    files = [name for name in sorted(record.files) if record.files[name] != again.files.get(name)]
    before, now = dict(record.measures), dict(again.measures)
    return [*found, *files, *sorted(name for name in before if before[name] != now.get(name))]


def _picked(record: Record, promise: Promise) -> Sequence[Any]:
    """The utterances that a round labelled; within a tolerance in any order."""
    picked = record.details.get("acquired", [])
    return sorted(picked) if promise.against else picked


def _beyond(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in METRICS:
        if name in before and abs(before[name] - now.get(name, float("inf"))) > TOLERANCE:
            yield f"{name} {before[name]:.4f} became {now.get(name, float('nan')):.4f}"
