"""How often the tests of significance would err in a study of this design."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    StudyFile,
    one_sentence,
    opened_study,
)

if TYPE_CHECKING:
    from analysis.false_positives import Calibration, Rate

MEANING = (
    "Shares of studies in which a test finds a difference at 5 % though there is none; in brackets what the "
    "simulation leaves open (95 %). A claim needs both primary tests."
)


def calibrate(
    study: StudyFile,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    studies: Annotated[int, typer.Option(min=1, help="How many to simulate in each of two worlds.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed simulates others.")] = 0,
    fold_share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the variance, where effects add up: that of folds.")
    ] = 0.25,
    seed_share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the variance, where effects add up: that of seeds.")
    ] = 0.15,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable numbers.")] = False,
) -> None:
    """Simulate studies of this design without any difference, and count which tests find one."""
    with one_sentence(store):
        import numpy as np

        from after_ray.errors import BadValue
        from analysis.false_positives import calibrate as simulate
        from sweeps._console import meter
        from sweeps.designs import designs_of

        if fold_share + seed_share > 1:
            both = f"{fold_share:g} and {seed_share:g}"
            raise BadValue("--fold-share and --seed-share", both, "shares that add up to at most 1")
        designs = designs_of(opened_study(study, store, overrides, quiet=as_json))
        for corpus, design in designs.items():
            if design.cut < 2:
                raise BadValue(f"folds of {corpus}", design.cut, "2 or more: one leaves nothing to train on")
        found = {}
        for corpus, design in designs.items():
            with nullcontext() if as_json else meter(f"simulated for {corpus}", 2 * studies) as shown:
                told = shown.to if shown is not None else lambda done: None
                generator = np.random.default_rng(seed)
                found[corpus] = simulate(design, studies, generator, fold_share, seed_share, told)
    if as_json:
        print(json.dumps({corpus: asdict(calibration) for corpus, calibration in found.items()}, indent=1))
    else:
        _print(found)


def _print(found: dict[str, Calibration]) -> None:
    from sweeps._console import print_table

    for corpus, calibration in found.items():
        design = calibration.design
        shares = (calibration.fold_share, calibration.seed_share)
        folds, seeds = (_percent(share, 0) for share in shares)
        adding = f"effects add up (folds {folds}, seeds {seeds})"
        rows = [
            [one.test, _text(one), _text(other)]
            for one, other in zip(calibration.additive, calibration.learners, strict=True)
        ] + [[one.test, "", _text(one)] for one in calibration.ranks]
        title = (
            f"{corpus}: {design.folds} folds of {design.speakers} speakers, {design.seeds} seeds, "
            f"{100 * design.labelled:g} % labelled"
        )
        print_table(title, ["test", adding, "learners on overlapping training sets"], rows)
    print(MEANING)


def _text(rate: Rate) -> str:
    if rate.rate is None:
        return "not defined"
    return f"{_percent(rate.rate)} ({_percent(rate.low)} to {_percent(rate.high)})"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
