"""What must never be shared between the parts of a fold, checked whenever a fold is made."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import Leak
from after_ray.manifest import Manifest
from after_ray.splits.parts import Fold, Rows


def checked(fold: Fold, manifest: Manifest) -> Fold:
    """This fold, if nothing leaks; see `refuse_leaks`."""
    refuse_leaks(fold, manifest)
    return fold


def refuse_leaks(fold: Fold, manifest: Manifest) -> None:
    """Refuse a fold whose parts overlap, miss utterances, share test speakers or lack a class in train.

    Speakers may be shared only where the fold says so, as every result of it then does.

    Raises:
        Leak: with what is shared or missing.
    """
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    _refuse_empty(fold.index, parts)
    parts["unused"] = fold.unused
    counted = {name: _counted(fold.index, name, rows, len(manifest)) for name, rows in parts.items()}
    _refuse_overlap(fold.index, counted, manifest)
    _refuse_gaps(fold.index, counted, manifest)
    if not fold.shares_speakers:
        _refuse_shared_speakers(fold, manifest)
    _refuse_missing_classes(fold, manifest)


def _refuse_empty(index: int, parts: dict[str, Rows]) -> None:
    for name, rows in parts.items():
        if len(rows) == 0:
            raise Leak(index, f"its {name} part is empty")


def _counted(index: int, name: str, rows: Rows, size: int) -> NDArray[np.bool_]:
    """Which rows of the manifest a part holds; counted, not sorted, because a pool may have a million."""
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < size:
        raise Leak(index, f"its {name} part has rows that the manifest of {size} rows does not cover")
    times = np.bincount(rows, minlength=size)
    if (times > 1).any():
        raise Leak(index, f"its {name} part lists a row twice")
    return times > 0


def _refuse_overlap(index: int, parts: dict[str, NDArray[np.bool_]], manifest: Manifest) -> None:
    for (first, ours), (second, theirs) in itertools.combinations(parts.items(), 2):
        shared = np.flatnonzero(ours & theirs)
        if len(shared):
            example = manifest.table["utterance"].iloc[int(shared[0])]
            raise Leak(index, f"{len(shared)} utterance(s) in both {first} and {second} ('{example}')")


def _refuse_gaps(index: int, parts: dict[str, NDArray[np.bool_]], manifest: Manifest) -> None:
    covered = int(sum(part.sum() for part in parts.values()))
    if covered != len(manifest):
        raise Leak(index, f"its parts hold {covered} rows and do not cover the {len(manifest)} rows")


def _refuse_shared_speakers(fold: Fold, manifest: Manifest) -> None:
    speakers = manifest.table["speaker"].to_numpy(dtype=object)
    trained_on = {"train": fold.train, "validation": fold.validation}
    if fold.validation_is_of_test:  # the official code's choice, named in every result
        del trained_on["validation"]
        torn = sorted(set(speakers[fold.train]) & set(speakers[fold.validation]))
        if torn:
            names = ", ".join(torn)
            raise Leak(fold.index, f"validation, of the held-out part, shares speaker(s) {names} with train")
    for name, rows in trained_on.items():
        shared = sorted(set(speakers[rows]) & set(speakers[fold.test]))
        if shared:
            raise Leak(fold.index, f"test speaker(s) {', '.join(shared)} are also in {name}")


def _refuse_missing_classes(fold: Fold, manifest: Manifest) -> None:
    classes, labels = manifest.strata
    present = set(labels[fold.train].tolist())
    missing = [name for label, name in enumerate(classes) if label not in present]
    if missing:
        raise Leak(fold.index, f"class(es) {', '.join(missing)} are in no training utterance")
