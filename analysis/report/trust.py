"""How far the tests can be trusted in studies of this design: simulated without any difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from analysis._rendering import NOTHING, Cell, Table, percent
from analysis.false_positives import Calibration, Design, Rate, calibrate

COLUMNS = ("test", "effects add up", "learners on overlapping training sets")


def calibrated(designs: Mapping[str, Design], studies: int, seed: int) -> dict[str, Calibration]:
    """The rates of every corpus; equal designs are simulated once, and none where `studies` is 0.

    A design of a single fold leaves nothing to train on and is left out.
    """
    wanted = {design: None for design in designs.values() if design.cut >= 2 and studies}
    found = {design: calibrate(design, studies, np.random.default_rng(seed)) for design in wanted}
    return {corpus: found[design] for corpus, design in designs.items() if design in found}


def trust_tables(calibrations: Mapping[str, Calibration]) -> list[Table]:
    """For each corpus the rate of every test in both worlds."""
    return [_table(corpus, calibration) for corpus, calibration in calibrations.items()]


def trust_frame(calibrations: Mapping[str, Calibration]) -> pd.DataFrame:
    """One row per corpus, world and test."""
    return pd.DataFrame(
        {"corpus": corpus, "world": world, **asdict(rate)}
        for corpus, calibration in calibrations.items()
        for world, rates in (
            ("additive", calibration.additive),
            ("learners", (*calibration.learners, *calibration.ranks)),
        )
        for rate in rates
    )


def _table(corpus: str, calibration: Calibration) -> Table:
    design = calibration.design
    rows = tuple(
        (Cell(one.test), _cell(one), _cell(other))
        for one, other in zip(calibration.additive, calibration.learners, strict=True)
    ) + tuple((Cell(one.test), Cell(NOTHING), _cell(one)) for one in calibration.ranks)
    shares = f"{100 * calibration.fold_share:g} and {100 * calibration.seed_share:g} %"
    note = (
        f"In percent of {calibration.additive[0].studies} simulated studies of {design.folds} folds × "
        f"{design.seeds} seeds in which there is no difference and the test finds one at 5 %; in brackets "
        f"what the simulation leaves open. In the first world folds and seeds own {shares} of the variance; "
        "in the second equally good linear classifiers are trained on folds of such a corpus; ranks are "
        f"simulated in {calibration.ranks[0].studies} studies of that world."
    )
    return Table(f"False positives on {corpus}", COLUMNS, rows, note)


def _cell(rate: Rate) -> Cell:
    if rate.rate is None:
        return Cell("not defined")
    return Cell(
        f"{percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)})",
        bold=rate.low > 0.05,
        value=rate.rate,
    )
