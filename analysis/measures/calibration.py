"""Whether a classifier is as sure as it is right: expected calibration error and negative log-likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis._rendering import Cell, Table, percent
from analysis.curves import interval_over_folds
from analysis.families import families, label, percent_text, varying
from analysis.measures._text import family_of, figure, range_text
from analysis.measures.trajectories import Trajectories, trajectories_of
from analysis.ratios import few_labels
from analysis.results import Results

_SCORES = {"ece": "ece", "nll": "loss"}  # as columns of the frame name them
_NOTE = (
    "On the test utterances. Mean over folds of the mean over seeds, with the 95 % t interval of the fold "
    "means. ECE: gap of confidence and accuracy over ten equal bins, in percent; it is biased upwards with "
    "few test utterances, so compare it between rows and not with other studies. NLL: mean negative "
    "log-likelihood in nats; it also falls when a model becomes more accurate. All ratios are in "
    "calibration.csv."
)
_INCOMPLETE = " * some cells are missing: not comparable with its column."


def calibration_frame(results: Results) -> pd.DataFrame:
    """One row per planned family and ratio.

    Returns:
        The axes of the family, percent; `ece` (a share) and `nll` (nats) with `_low` and `_high`, the t
        interval over folds; `folds`, `cells` finished and `planned`.
    """
    found = {name: trajectories_of(results, column) for name, column in _SCORES.items()}
    rows = [
        {
            **family._asdict(),
            "percent": ratio,
            **_interval("ece", trajectories, place),
            **_interval("nll", found["nll"][family], place),
            **_counts(trajectories, place),
        }
        for family, trajectories in found["ece"].items()
        for place, ratio in enumerate(trajectories.percents)
    ]
    return pd.DataFrame(rows)


def calibration_table(frame: pd.DataFrame) -> Table:
    """Families by ECE and NLL at the ratio spoken of first and at the last one."""
    ratios = sorted({few_labels(frame["percent"]), float(frame["percent"].max())})
    axes, incomplete = varying(frame), bool((frame["cells"] < frame["planned"]).any())
    rows = {(family_of(row), row["percent"]): row for _, row in frame.iterrows()}
    lines = tuple(
        (
            Cell(label(family, axes)),
            *(_cell(rows.get((family, ratio)), name) for name in _SCORES for ratio in ratios),
        )
        for family in families(frame)
    )
    columns = ("", *(f"{name.upper()} at {percent_text(ratio)}" for name in _SCORES for ratio in ratios))
    return Table("Calibration of the classifiers", columns, lines, _NOTE + _INCOMPLETE * incomplete)


def _interval(name: str, trajectories: Trajectories, place: int) -> dict[str, float]:
    means = _fold_means(trajectories, place)
    low, high = interval_over_folds(means)
    return {
        name: float(means.mean()) if len(means) else float("nan"),
        f"{name}_low": low,
        f"{name}_high": high,
    }


def _fold_means(trajectories: Trajectories, place: int) -> Any:
    """Means over the finished seeds of every fold that has one."""
    scores = trajectories.values["score"][:, :, place]
    return np.array([fold[~np.isnan(fold)].mean() for fold in scores if not np.isnan(fold).all()])


def _counts(trajectories: Trajectories, place: int) -> dict[str, int]:
    finished = ~np.isnan(trajectories.values["score"][:, :, place])
    return {
        "folds": int(finished.any(axis=1).sum()),
        "cells": int(finished.sum()),
        "planned": int(trajectories.planned.sum()),
    }


def _cell(row: pd.Series[Any] | None, name: str) -> Cell:
    if row is None:
        return Cell("")
    text = percent if name == "ece" else "{:.2f}".format
    interval = range_text(row[f"{name}_low"], row[f"{name}_high"], text)
    star = " *" if row["cells"] < row["planned"] else ""
    return figure(row[name], text, f" ({interval})" * (not np.isnan(row[f"{name}_low"])) + star)
