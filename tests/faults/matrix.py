"""The fault matrix: what may happen, when, and which of it is tried through a real Ray on every change."""

from __future__ import annotations

from typing import Literal, get_args

Fault = Literal[
    "trial killed",
    "driver killed",
    "node lost",
    "tracker down",
    "store read-only",
    "store full",
    "checkpoint truncated",
    "checkpoint bit-flipped",
    "record half written",
    "two launches",
    "sigterm with notice",
]
Moment = Literal["adaptation", "training", "selection", "between rounds"]

FAULTS: tuple[Fault, ...] = get_args(Fault)
MOMENTS: tuple[Moment, ...] = get_args(Moment)
ALL: tuple[tuple[Fault, Moment], ...] = tuple((fault, moment) for fault in FAULTS for moment in MOMENTS)
# Every fault but the second kind of damage to a checkpoint, and every moment twice or more.
THROUGH_RAY: tuple[tuple[Fault, Moment], ...] = (
    ("trial killed", "training"),
    ("driver killed", "adaptation"),
    ("node lost", "selection"),
    ("tracker down", "between rounds"),
    ("store read-only", "adaptation"),
    ("store full", "training"),
    ("checkpoint truncated", "adaptation"),
    ("record half written", "between rounds"),
    ("two launches", "selection"),
    ("sigterm with notice", "training"),
)


def name_of(pair: tuple[Fault, Moment]) -> str:
    """`trial_killed_training`: how a test of one combination is called."""
    fault, moment = pair
    return f"{fault}, {moment}".replace(",", "").replace(" ", "_")
