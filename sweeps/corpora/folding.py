"""`after-ray corpora folds`: who is in which part, and the files that fix it for every machine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from after_ray.manifest import Manifest
from after_ray.splits.parts import Fold
from sweeps._console import console, print_table
from sweeps.planning.opening import OpenStudy
from sweeps.reporting.in_words import folds_in_words, validation_in_words


def print_folds(opened: OpenStudy, out: Path | None) -> None:
    """Print the parts of every fold of every corpus of a study; write one fold file per corpus into `out`."""
    for scan, split in zip(opened.scans, opened.plan.splits, strict=True):
        manifest, table = scan.manifest, split.table
        classes = list(manifest.classes)
        header = ["fold", "part", "utterances", *classes, "speakers"]
        rows = [line for index in split.run for line in _lines(manifest, table.folds[index])]
        print_table(f"{manifest.corpus}: {folds_in_words(split, manifest)}", header, rows)
        cap = opened.study.protocol.validation.cap
        console.print(f"validation: {validation_in_words(split, manifest, cap)}", markup=False)
        if out is not None:
            path = out / f"{manifest.corpus}.folds.csv"
            table.write(path)
            console.print(f"written: {path} (digest {table.digest[:12]})", markup=False)


def _lines(manifest: Manifest, fold: Fold) -> list[list[str]]:
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test, "unused": fold.unused}
    return [
        [str(fold.index) if name == "train" else "", name, *_part(manifest, manifest.table.iloc[rows])]
        for name, rows in parts.items()
        if len(rows)
    ]


def _part(manifest: Manifest, part: pd.DataFrame) -> list[str]:
    counts = part["emotion"].value_counts()
    return [str(len(part)), *(str(counts.get(name, 0)) for name in manifest.classes), _speakers(part)]


def _speakers(part: pd.DataFrame) -> str:
    names = sorted(set(part["speaker"]))
    return ", ".join(names) if len(names) <= 4 else str(len(names))
