"""When trainings begin while the page is served; nothing here waits, and nobody listens on a port."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.labelling.page import batch, serving
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.serving import GRACE_SECONDS, LOOK_SECONDS, Samples, desks_for
from tests.sweeps.labelling.conftest import Begin, Recordings


class Clock:
    """Time that passes only while somebody sleeps, and what others do meanwhile, each in its turn."""

    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    passing = Clock()
    for module in (batch, serving):
        monkeypatch.setattr(module, "time", passing)
    monkeypatch.setattr(serving, "running", lambda *page: nullcontext())
    return passing


def answered(opened: OpenLabelling, recordings: Recordings) -> None:
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")


@pytest.mark.parametrize("trains", [True, False], ids=["itself", "another command"])
def test_the_last_answer_can_be_taken_back_for_seconds_before_anything_is_trained(
    begin: Begin, recordings: Recordings, clock: Clock, trains: bool
) -> None:
    opened = begin()
    watched = Batch(opened)
    desks = desks_for(watched, ["ann"], "127.0.0.1")
    first = clock.now + 3
    last = first + GRACE_SECONDS - LOOK_SECONDS  # just in time
    clock.events = [
        (first, lambda: answered(opened, recordings)),
        (last, desks[""].undo),
        (last + 20, lambda: answered(opened, recordings)),
    ]

    def train() -> Standing:
        raise KeyboardInterrupt

    samples = Samples(opened, str(opened.store.root / "cache"))
    with pytest.raises(KeyboardInterrupt) if trains else nullcontext():
        serving.serve(watched, desks, samples, "127.0.0.1", 8765, train if trains else None)
    assert clock.events == [], "what was taken back was trained on, or waited for in vain"
    assert opened.stands().waiting == ()
    assert GRACE_SECONDS <= clock.now - (last + 20) <= GRACE_SECONDS + 2 * LOOK_SECONDS
    assert watched.training is trains
