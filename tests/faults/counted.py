"""What is counted of a run, in this process or in those of its trials: stages begun, optimiser steps."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from after_ray.execution import adaptation, features
from after_ray.execution.rounds import Trajectory
from after_ray.training import fit

FEATURES = "features"

# Found at the start of every Python process below a launch: counts from the import of the trainable on.
AT_START = """\
import sys

class Counting:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "trainables.trial":
            sys.meta_path.remove(cls)
            from tests.faults.counted import into
            into({log!r})
        return None

sys.meta_path.insert(0, Counting)
"""


@dataclass
class Counted:
    """How often each stage was begun, by key, and how many optimiser steps were made, by all of them."""

    starts: Counter[str] = field(default_factory=Counter)
    steps: int = 0

    @classmethod
    def read(cls, log: Path) -> Counted:
        """What the processes of trials wrote."""
        words = log.read_text().split()
        return cls(Counter(word for word in words if word != "step"), words.count("step"))


def count(
    put: Callable[[object, str, Any], None], begun: Callable[[str], None], step: Callable[[], None]
) -> None:
    """Have `begun` called with the key of every stage that begins, `step` before every optimiser step.

    Args:
        put: replaces an attribute, as `setattr` does.
        begun: told the key.
        step: told nothing.
    """
    from after_ray.adaptation._training import Training

    def started(work: Callable[..., Any], key: Callable[..., str]) -> Callable[..., Any]:
        def starting(*arguments: Any, **named: Any) -> Any:
            begun(key(*arguments))
            return work(*arguments, **named)

        return starting

    def stepping(work: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            step()
            return work(*arguments, **named)

        return stepped

    put(adaptation, "_adapt", started(adaptation._adapt, lambda stage, *rest: stage.key))
    put(features, "_extract", started(features._extract, lambda *all_of_it: FEATURES))
    put(Trajectory, "_run", started(Trajectory._run, lambda trajectory, stage: stage.key))
    put(Training, "update", stepping(Training.update))
    put(fit, "_update", stepping(fit._update))


def into(log: str) -> None:
    """Count in this process, into a file that all processes add to."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(word: str) -> None:
        os.write(file, f"{word}\n".encode())

    count(setattr, write, lambda: write("step"))
