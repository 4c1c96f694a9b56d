"""Running studies: prepare the audio here, launch what is missing, mirror what is finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from after_ray.errors import AfterRayError
from after_ray.execution.corpus import prepare_audio
from after_ray.execution.kept_folds import keep_folds
from after_ray.execution.kept_selections import keep_selections
from after_ray.stages import AudioStage, SelectionsStage
from after_ray.store.reading import Reading
from sweeps._console import meter
from sweeps.cost.estimating import estimate_of
from sweeps.cost.forecasting import forecast
from sweeps.cost.predictions import keep_prediction
from sweeps.launching.budget import Limits, NoGpuToCount
from sweeps.launching.forecast import Forecaster
from sweeps.launching.launch import Outcome, Where, launch
from sweeps.planning.counting import Together
from sweeps.planning.opening import OpenStudy
from sweeps.provenance.declared import note_declaration
from sweeps.running.following import Followed, FollowingStudies
from sweeps.running.mending import mend_records
from sweeps.running.progress import NOTHING_MORE, why_ended
from sweeps.tracking import MirrorReport, MirrorThread, close_all
from sweeps.tracking.mirroring import mirrored_study

CLOSING_SECONDS = 600.0  # that a slow tracker is given when the trials have ended, for all studies together


@dataclass(frozen=True)
class RunReport:
    """What one launch did, and what the tracker got of each study."""

    outcome: Outcome
    mirrored: tuple[MirrorReport, ...]


def run_studies(
    studies: Sequence[OpenStudy],
    where: Where,
    tracking_uri: str,
    limits: Limits | None = None,
    forgiven: frozenset[str] = frozenset(),
    reading: Reading | None = None,
) -> RunReport:
    """Do everything that is wanted of the studies and still missing; a second call does nothing again.

    `forgiven`: keys of failures that do not count any more. `reading`: of the store's records; filled here,
    for who asks for them afterwards.

    Raises:
        AfterRayError: when nothing can be run, before anything is.
    """
    limits = limits or Limits()
    check_limits(studies, limits)
    store = studies[0].store
    reading = reading or Reading(store.ledger)
    mend_records(studies, reading)
    for opened in studies:
        prepare(opened)
    mirrors = [MirrorThread(tracking_uri, store, mirrored_study(opened, tracking_uri)) for opened in studies]
    try:
        with meter("cells", len(Together([opened.plan for opened in studies]).cells)) as shown:
            followed = [Followed(opened, mirror) for opened, mirror in zip(studies, mirrors, strict=True)]
            following = FollowingStudies(followed, shown)
            try:
                outcome = launch(
                    [opened.wanted for opened in studies],
                    store,
                    where,
                    following,
                    limits,
                    _forecaster(studies, reading),
                    forgiven=forgiven,
                )
            except BaseException as error:
                following.ended(why_ended(error))
                raise
            following.ended(outcome.stopped or NOTHING_MORE)
    finally:
        reports = close_all(mirrors, CLOSING_SECONDS)
    return RunReport(outcome, reports)


def _forecaster(studies: Sequence[OpenStudy], reading: Reading) -> Forecaster:
    """By what the store knows of such work; the prediction is kept, to be judged when real times exist."""
    estimate = estimate_of(studies, records=reading)
    keep_prediction(studies[0].store, estimate)
    return partial(forecast, estimate)


def check_limits(studies: Sequence[OpenStudy], limits: Limits) -> None:
    """Refuse a limit that could never stop anything.

    Raises:
        NoGpuToCount: for GPU-hours where no GPU is used.
    """
    if limits.gpu_hours is not None and not any(opened.study.resources.gpu for opened in studies):
        raise NoGpuToCount(limits.gpu_hours)


def prepare(opened: OpenStudy) -> None:
    """Put into the store what only the driver can make: audio, folds, recordings, what is claimed and when.

    Raises:
        AfterRayError: when another run wrote other folds since this study was planned.
    """
    note_declaration(opened.study, opened.store)
    for scan, settings in zip(opened.scans, opened.study.corpus, strict=True):
        stage = AudioStage(manifest=scan.manifest.digest, corpus=scan.manifest.corpus)
        with meter(f"preparing {settings.title}", len(scan.manifest)) as shown:
            prepare_audio(stage, scan, settings, opened.store, shown.to)
    for scan, split in zip(opened.scans, opened.plan.splits, strict=True):
        kept = keep_folds(split.stage, scan.manifest, opened.store, split.table)
        if kept.details["digest"] != split.table.digest:
            raise AfterRayError(
                f"The folds of '{scan.manifest.corpus}' were written to the store by another run while this "
                "one was planned, and are others; run the same command again, it then uses those."
            )
    for key, recorded in opened.wanted.of_kind(SelectionsStage).items():
        assert isinstance(recorded, SelectionsStage)
        keep_selections(recorded, opened.plan.recorded[key], opened.store)
