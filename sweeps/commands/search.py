"""Look for the best configuration of a study with a `search:` block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from after_ray.errors import AfterRayError
from sweeps.commands._launching import (
    STOPPED,
    Address,
    CacheFolder,
    CacheLimit,
    Cores,
    MaxGpuHours,
    MaxHours,
    warn_of_lone_tracker,
)
from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    TrackingUri,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_known_recordings,
)

if TYPE_CHECKING:
    from sweeps.launching.budget import Limits
    from sweeps.launching.launch import Where
    from sweeps.planning.opening import OpenStudy
    from sweeps.searching.running import SearchReport


class NoSearch(AfterRayError):
    """A study that asks for no search."""

    def __init__(self, name: str, parts: bool) -> None:
        remedy = "search in a study without parts" if parts else "add one"
        super().__init__(
            f"The study '{name}' has no 'search:' block, so there is nothing to look for; {remedy}, or run "
            "the study as it is with 'after-ray run'."
        )


def search(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try candidates again that failed too often.")
    ] = False,
    address: Address = None,
    tracking_uri: TrackingUri = None,
    cache_dir: CacheFolder = None,
    cache_gb: CacheLimit = 50.0,
    cpus: Cores = None,
    max_hours: MaxHours = None,
    max_gpu_hours: MaxGpuHours = None,
) -> None:
    """Try the candidates of a study's search, and write the best configuration as a study file."""
    with one_sentence(store):
        quiet_libraries()
        from sweeps.launching.budget import Limits
        from sweeps.launching.launch import Where
        from sweeps.study.loading import load_study

        declared = load_study(study, overrides or ())
        if declared.search is None:
            raise NoSearch(declared.study, bool(declared.parts))
        opened = opened_study(study, store, overrides)
        where, limits = Where(address, cache_dir, cpus, cache_gb), Limits(max_hours, max_gpu_hours)
        warn_of_lone_tracker(opened.store, where, tracking_uri)
        done = search_opened(opened, where, limits, tracking_uri, retry)
        print(f"run it: after-ray run {done.best} --store {opened.store.url}")


def after_search(
    opened: OpenStudy, where: Where, limits: Limits, only: str | None, tracking_uri: str | None
) -> tuple[OpenStudy, Limits]:
    """The study to run in the place of one with a search: the chosen one; and what is left of the limits."""
    if opened.study.search is None:
        return opened, limits
    done = search_opened(opened, where, limits, tracking_uri)
    assert done.best is not None
    return opened_study(done.best, opened.store.url, None, only=only), done.left


def search_opened(
    opened: OpenStudy, where: Where, limits: Limits, tracking_uri: str | None, retry: bool = False
) -> SearchReport:
    """Run a search to its end; ends with an exit code of its own where a budget stops it."""
    from sweeps.launching.cache import refuse_no_cache
    from sweeps.running.studies import check_limits
    from sweeps.searching.running import run_search
    from sweeps.tracking import default_tracking_uri

    refuse_known_recordings(opened)
    check_limits([opened], limits)
    opened.store.probe()
    refuse_no_cache(where)
    done = run_search(opened, where, limits, tracking_uri or default_tracking_uri(opened.store), retry)
    print_search(opened, done)
    if done.best is None:
        raise typer.Exit(STOPPED)
    return done


def print_search(opened: OpenStudy, done: SearchReport) -> None:
    """How the candidates stand, and where the table and the chosen study are."""
    from sweeps._console import print_counts

    print_counts(f"search of {opened.study.study}", done.counts)
    if done.drawn_out:
        print("the space gave no other configuration in many draws, so fewer than asked for were tried")
    print(f"candidates: {done.candidates}")
    if done.best is not None:
        print(f"best: {done.best}")
    if done.mirrored is not None and done.mirrored.error:
        print(f"how the search stood is not in MLflow: {done.mirrored.error}")
    if done.mirrored is not None and done.mirrored.links is not None:
        print("\n".join(done.mirrored.links.lines(opened.study.study)))
    if done.stopped is not None:
        print(f"{done.counts['missing']} candidates are missing; {done.stopped}")
