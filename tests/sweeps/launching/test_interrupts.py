"""Ctrl-C stops a study also when Python drops the exception."""

from __future__ import annotations

import signal

import pytest

from sweeps.launching.interrupts import Interrupt


class PressesWhenDropped:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def press_where_it_is_dropped() -> None:
    doomed = PressesWhenDropped()
    del doomed


def listen(interrupt: Interrupt, asked: list[str]) -> None:
    with interrupt.listening():
        press_where_it_is_dropped()
        asked.append("reached")
        interrupt.raise_if_heard()
        asked.append("went on")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_destructor_swallows_is_raised_where_it_is_asked_for() -> None:
    asked: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        listen(Interrupt(), asked)
    assert asked == ["reached"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_block_that_nobody_stopped_does_not_end_as_if_nothing_was_pressed() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupt().listening():
        press_where_it_is_dropped()


def test_without_ctrl_c_nothing_happens_and_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupt = Interrupt()
    with interrupt.listening():
        assert signal.getsignal(signal.SIGINT) != before
        interrupt.raise_if_heard()
    assert signal.getsignal(signal.SIGINT) == before
