"""What must never be shared between the parts of a fold, checked whenever a fold is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from after_ray.errors import Leak
from after_ray.manifest import Manifest

if TYPE_CHECKING:
    from after_ray.splits.folds import Fold


def refuse_leaks(fold: Fold, manifest: Manifest) -> None:
    """Refuse a fold whose parts overlap, miss utterances, share test speakers or lack a class in train.

    Raises:
        Leak: with what is shared or missing.
    """
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    _refuse_empty(fold.index, parts)
    parts["unused"] = fold.unused
    _refuse_repeating(fold.index, parts)
    _refuse_overlap(fold.index, parts, manifest)
    _refuse_gaps(fold.index, parts, manifest)
    _refuse_shared_speakers(fold, manifest)
    _refuse_missing_classes(fold, manifest)


def _refuse_empty(index: int, parts: dict[str, np.ndarray]) -> None:
    for name, rows in parts.items():
        if len(rows) == 0:
            raise Leak(index, f"its {name} part is empty")


def _refuse_repeating(index: int, parts: dict[str, np.ndarray]) -> None:
    for name, rows in parts.items():
        if len(np.unique(rows)) != len(rows):
            raise Leak(index, f"its {name} part lists a row twice")


def _refuse_overlap(index: int, parts: dict[str, np.ndarray], manifest: Manifest) -> None:
    names = list(parts)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            shared = np.intersect1d(parts[first], parts[second])
            if len(shared):
                example = manifest.table["utterance"].iloc[int(shared[0])]
                raise Leak(index, f"{len(shared)} utterance(s) in both {first} and {second} ('{example}')")


def _refuse_gaps(index: int, parts: dict[str, np.ndarray], manifest: Manifest) -> None:
    covered = np.sort(np.concatenate(list(parts.values())))
    if not np.array_equal(covered, np.arange(len(manifest))):
        raise Leak(index, f"its parts hold {len(covered)} rows and do not cover the {len(manifest)} rows")


def _refuse_shared_speakers(fold: Fold, manifest: Manifest) -> None:
    speakers = manifest.table["speaker"].to_numpy(dtype=object)
    trained_on = {"train": fold.train, "validation": fold.validation}
    if fold.validation_is_of_test:
        del trained_on["validation"]  # the official code's choice, named in every result
    for name, rows in trained_on.items():
        shared = sorted(set(speakers[rows]) & set(speakers[fold.test]))
        if shared:
            raise Leak(fold.index, f"test speaker(s) {', '.join(shared)} are also in {name}")


def _refuse_missing_classes(fold: Fold, manifest: Manifest) -> None:
    present = set(manifest.labels[fold.train].tolist())
    missing = [name for label, name in enumerate(manifest.classes) if label not in present]
    if missing:
        raise Leak(fold.index, f"class(es) {', '.join(missing)} are in no training utterance")
