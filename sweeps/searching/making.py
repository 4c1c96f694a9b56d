"""What running candidates make that others may need: nothing of it is made twice, nobody waits with a GPU."""

from __future__ import annotations

from after_ray.candidate import CandidateStage
from after_ray.errors import DamagedRecord
from after_ray.stages import MADE_BY_DRIVER, foundations, rounds
from after_ray.store import Store


class Making:
    """Adaptations, features and rounds 0 that are missing, by the trial that makes them now.

    A candidate whose next rung rests on one of them is not handed out before it is recorded, or before the
    trial that makes it has ended. Only trials that run keep others waiting, so none waits for ever.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorded: set[str] = set()
        self._made_now: dict[str, frozenset[str]] = {}  # trial -> keys

    def begins(self, trial_id: str, stage: CandidateStage, rung: int) -> None:
        """A trial makes what is missing below a rung, counted from 0."""
        self._made_now[trial_id] = self._missing(stage, rung)

    def ended(self, trial_id: str) -> None:
        """A trial makes nothing any more."""
        self._made_now.pop(trial_id, None)

    def must_wait(self, stage: CandidateStage, rung: int, trial_id: str = "") -> bool:
        """Whether another trial makes now what a rung of a candidate rests on."""
        others = [keys for trial, keys in self._made_now.items() if trial != trial_id and keys]
        return bool(others) and not self._missing(stage, rung).isdisjoint(frozenset().union(*others))

    def _missing(self, stage: CandidateStage, rung: int) -> frozenset[str]:
        last = stage.rounds[rung]
        first = rounds(last)[0]
        below = [each for each in foundations(last) if not isinstance(each, MADE_BY_DRIVER)]
        return frozenset(each.key for each in (*below, first) if not self._is_recorded(each.key))

    def _is_recorded(self, key: str) -> bool:
        if key not in self._recorded:
            try:
                found = self._store.find(key) is not None
            except (DamagedRecord, OSError):  # whoever makes it again sets it aside; an outage: look again
                found = False
            self._recorded.update([key] if found else [])
        return key in self._recorded
