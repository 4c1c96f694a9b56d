"""What a batch may be written over: nothing, or an earlier batch whose answers were all taken in."""

from __future__ import annotations

import json
from pathlib import Path

from after_ray.errors import AfterRayError
from after_ray.labelling import Journal
from after_ray.wording import counted
from sweeps.labelling import csv_batch
from sweeps.labelling.label_studio import CONTROL


class BatchInTheWay(AfterRayError):
    """A file that a batch would be written over, and that holds what is nowhere else."""

    def __init__(self, path: Path, holds: str, option: str) -> None:
        super().__init__(
            f"{path} is there and {holds}; take its answers in first (after-ray annotate import {path}), "
            f"move it away, or write to another file with {option}."
        )


def refuse_csv_loss(path: Path, journal: Journal) -> None:
    """Refuse to replace a table with answers that were never taken in, or what is no such table.

    Raises:
        BatchInTheWay: saying how many.
    """
    if not path.is_file():  # a folder is refused by who writes
        return
    try:
        rows = csv_batch.read(path, "")
    except AfterRayError:
        raise BatchInTheWay(path, "is no batch", "--out") from None
    known = {(answer.utterance, answer.label) for said in journal.said() for answer in said.answers}
    lost = sum((row.clip, row.label) not in known for row in rows)
    if lost:
        raise BatchInTheWay(path, f"has {counted(lost, 'answer')} that nobody has taken in", "--out")


def refuse_tasks_loss(path: Path) -> None:
    """Refuse to replace anything but tasks without answers.

    Raises:
        BatchInTheWay: when it is something else.
    """
    if not path.is_file():  # a folder is refused by who writes
        return
    try:
        tasks = json.loads(path.read_bytes())
        bare = all(task.keys() == {"data"} and CONTROL not in task["data"] for task in tasks)
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        bare = False
    if not bare:
        raise BatchInTheWay(path, "is no batch of tasks without answers", "--label-studio")
