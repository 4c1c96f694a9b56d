"""Serving the page: the server in a thread, trainings in the command's own, until all rounds are labelled."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import uvicorn
from numpy.typing import NDArray

from after_ray.environment import Execution
from after_ray.execution.corpus import open_corpus
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.desk import Desk
from sweeps.labelling.page.server import Page
from sweeps.listening import PortTaken, is_loopback, reachable, shown

START_SECONDS = 20.0
LOOK_SECONDS = 0.5
END_SECONDS = 15.0  # in which an open page hears that all rounds are labelled
GRACE_SECONDS = 4.0  # in which the last answer of a batch can still be taken back


class Samples:
    """What clips sound like, from the audio that the study was prepared with: no file is named by anybody."""

    def __init__(self, opened: OpenLabelling, cache: str) -> None:
        audio = opened.trajectory.first.audio
        self._corpus = open_corpus(audio, Execution(opened.store.address, cache))
        ids = self._corpus.manifest.table["utterance"]
        self._row_of = {name: row for row, name in enumerate(ids.to_numpy(dtype=object))}

    def __call__(self, utterance: str) -> NDArray[np.float32]:
        """At 16 kHz, in [-1, 1]."""
        return self._corpus.wave(self._row_of[utterance])


def desks_for(batch: Batch, annotators: Sequence[str], host: str, *, token: bool = False) -> dict[str, Desk]:
    """By token a desk for each annotator.

    One annotator alone needs none where only this machine can reach the page, unless it is asked for, as
    where others work on this machine.
    """
    if len(annotators) == 1 and is_loopback(host) and not token:
        return {"": Desk(batch, annotators[0])}
    return {secrets.token_urlsafe(16): Desk(batch, name) for name in annotators}


def address_of(host: str, port: int, token: str) -> str:
    """What a person opens; of a server that listens at every address one that other machines can reach."""
    return f"{shown(reachable(host), port)}/" + (f"?token={token}" if token else "")


def serve(
    batch: Batch,
    desks: Mapping[str, Desk],
    samples: Samples,
    host: str,
    port: int,
    train: Callable[[], Standing] | None,
) -> None:
    """Serve until all rounds are labelled, or Ctrl-C.

    Args:
        batch: what is labelled.
        desks: of `desks_for`.
        samples: of clips.
        host, port: where to listen.
        train: trains on a complete round and lets the next choose; None leaves that to a command.

    Raises:
        PortTaken: when nobody can listen there.
    """
    with running(Page(desks, samples, host), host, port):
        while not batch.finished:
            time.sleep(LOOK_SECONDS)
            batch.look()
            if not batch.decided_for(GRACE_SECONDS):
                continue
            if train is None:
                return
            if batch.close():
                batch.goes_on_with(train())
        batch.end_told.wait(END_SECONDS)
        time.sleep(LOOK_SECONDS)  # its answer is on its way


class _Quiet(uvicorn.Server):
    """Leaves signals to the command, whose trainings listen to them."""

    def install_signal_handlers(self) -> None:
        """None."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


@contextmanager
def running(page: Page, host: str, port: int) -> Iterator[None]:
    """The page is served, by a thread, for as long as this lasts.

    Raises:
        PortTaken: when nobody can listen there.
    """
    server = _Quiet(
        uvicorn.Config(page.application, host=host, port=port, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=_run, args=(server,), name="page", daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise PortTaken(host, port, "the page did not come up")
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def _run(server: uvicorn.Server) -> None:
    try:
        server.run()
    except SystemExit:  # uvicorn's word for a port that is taken
        return
