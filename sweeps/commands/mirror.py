"""Fill in what MLflow lacks of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFiles,
    TrackingUri,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_no_store,
)

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy


def mirror(
    studies: StudyFiles,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    tracking_uri: TrackingUri = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Take nothing for granted: send every point and file again."),
    ] = False,
) -> None:
    """Fill in what MLflow lacks of studies: after an outage, or a server of another address."""
    quiet_libraries()
    code = 0
    for study in studies:
        try:
            with one_sentence(store):
                refuse_no_store(store, [study], overrides)
                mirror_study(opened_study(study, store, overrides), tracking_uri, rebuild)
        except typer.Exit as stop:
            code = stop.exit_code
            if code != 1:  # Ctrl-C
                break
    if code:
        raise typer.Exit(code)


def mirror_study(opened: OpenStudy, tracking_uri: str | None, rebuild: bool) -> None:
    """Mirror everything that the store has of a study, and say where to look at it."""
    from sweeps._console import meter
    from sweeps.tracking import default_tracking_uri, fill
    from sweeps.tracking.mirroring import finished_trajectories, mirrored_study

    uri = tracking_uri or default_tracking_uri(opened.store)
    trajectories = finished_trajectories(opened)
    with meter("trajectories", len(trajectories)) as shown:
        filled = fill(
            uri,
            opened.store,
            mirrored_study(opened, uri),
            trajectories,
            rebuild=rebuild,
            shown=shown.to,
        )
    name = opened.study.study
    print(f"{name}: {filled.trajectories} trajectories are in MLflow, {filled.written} of them sent just now")
    print("\n".join(filled.links.lines(name)))
