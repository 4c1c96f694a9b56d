"""Filling in afterwards what MLflow lacks of a study, in the foreground: `after-ray mirror`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from after_ray.errors import AfterRayError
from after_ray.store import Store
from sweeps.tracking._links import Links
from sweeps.tracking._mirror import Mirror
from sweeps.tracking._refusals import refused
from sweeps.tracking.errors import TrackerRefused, print_warning
from sweeps.tracking.mirrored import MirroredStudy, MirroredTrajectory

ENOUGH_FAILURES = 3  # then the tracker is to blame


@dataclass(frozen=True)
class Filled:
    """What MLflow has of a study now: trajectories in all, those written just now, and where to look."""

    trajectories: int
    written: int
    links: Links


def fill(
    tracking_uri: str,
    store: Store,
    study: MirroredStudy,
    trajectories: Sequence[MirroredTrajectory],
    *,
    rebuild: bool = False,
    say: Callable[[str], None] = print_warning,
    shown: Callable[[int], None] = lambda done: None,
) -> Filled:
    """Mirror `trajectories` and the summaries of the study; what is there already is left alone.

    `rebuild`: nothing is taken for granted, all points and files are sent again; `shown` is told how many
    trajectories are dealt with.

    Raises:
        AfterRayError: one sentence, when something could not be mirrored; all that could be is.
    """
    mirror = Mirror(tracking_uri, store, believe=not rebuild, say=say)
    try:
        mirror.open_study(study)
        written, failures = _write(mirror, trajectories, shown)
        if len(failures) < ENOUGH_FAILURES:
            mirror.close_study()
        if failures:
            raise failures[0]
        return Filled(len(trajectories), written, mirror.links)
    except AfterRayError:
        raise
    except Exception as error:
        unwritten = TrackerRefused(tracking_uri, error, study.command)
        raise refused(error, tracking_uri, study.command) or unwritten from error
    finally:
        mirror.release()


def _write(
    mirror: Mirror, trajectories: Sequence[MirroredTrajectory], shown: Callable[[int], None]
) -> tuple[int, list[Exception]]:
    """How many were written, and what went wrong; one bad record does not hold back the others."""
    written, failures = 0, []
    for number, trajectory in enumerate(trajectories, start=1):
        try:
            written += mirror.trajectory(trajectory)
        except Exception as error:
            failures.append(error)
            if len(failures) == ENOUGH_FAILURES:
                break
        shown(number)
    return written, failures
