"""One mirror of a study at a time, on one machine or on several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from after_ray.errors import AfterRayError
from after_ray.store import Store
from after_ray.store.places import is_bucket
from sweeps.leases.holder import Holder
from sweeps.leases.lease import Lease
from sweeps.tracking.errors import MirrorBusy
from sweeps.tracking.mirrored import MirroredStudy

FOLDER = "mirror"


class MirrorLease(Lease):
    """The object of a bucket that says which launch mirrors a study.

    Correctness does not depend on it: of runs that two mirrors made, one is removed.
    """

    def __init__(self, store: Store, study: MirroredStudy) -> None:
        super().__init__(store.place.below(FOLDER), study.name, self._quiet, file=f"{study.name}.json")
        self._command = study.command

    def _quiet(self, sentence: str) -> None:
        """Nothing: a mirror that comes second looks again and again, and says once that it is second."""

    def refusal(self, there: Holder) -> AfterRayError:
        """What is told to who comes second."""
        return MirrorBusy(self._study, self._command)


@contextmanager
def my_turn(store: Store, study: MirroredStudy) -> Iterator[None]:
    """No other mirror of the study meanwhile, of any process that uses the store.

    Raises:
        MirrorBusy: when another one is at work; of a bucket, after it was heard of.
    """
    if is_bucket(store.url):
        with MirrorLease(store, study).held():
            yield
        return
    path = store.root / FOLDER / f"{study.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise MirrorBusy(study.name, study.command) from error
    try:
        yield
    finally:
        lock.release()
