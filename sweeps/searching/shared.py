"""Stages that all candidates share, because no searched setting touches them: they run first, once."""

from __future__ import annotations

import numpy as np

from after_ray.errors import AfterRayError
from sweeps.planning.jobs import Job, jobs_of
from sweeps.searching.candidates import Expanded, Expander
from sweeps.study.search.space import Configuration, Parameter

ENDS = 2  # of the space, as far apart as it allows
RANDOM_ENDS = 50  # tried where the outermost configurations are no studies


def shared_jobs(expander: Expander, done: set[str]) -> dict[str, Job]:
    """The missing jobs of what candidates have in common although each of their settings differs.

    None where no two candidates can be compared: each then runs all that it needs itself.
    """
    ends = ends_of(expander)
    if len(ends) < ENDS:
        return {}
    one, other = ends
    jobs = jobs_of([one.plan], done)
    common = {key: job for key, job in jobs.items() if key in other.plan.keys}
    return {key: job for key, job in common.items() if job.needs <= common.keys()}


def ends_of(expander: Expander) -> list[Expanded]:
    """Two configurations that differ in every setting."""
    found: list[Expanded] = []
    space = expander.search.space
    generator = np.random.default_rng(expander.search.sampling_seed)
    for attempt in range(RANDOM_ENDS):
        low, high = _pair(space, generator, outermost=attempt == 0)
        try:
            found = [expander.expand(low), expander.expand(high)]
        except AfterRayError:  # recorded as failed when it is drawn
            continue
        break
    return found


def _pair(
    space: dict[str, Parameter], generator: np.random.Generator, outermost: bool
) -> tuple[Configuration, Configuration]:
    low, high = {}, {}
    for path, each in space.items():
        ends = (each.probes[0], each.probes[-1])
        if not outermost and len(each.probes) > 1:
            ends = tuple(each.probes[i] for i in generator.choice(len(each.probes), 2, replace=False))
        low[path], high[path] = ends
    return low, high
