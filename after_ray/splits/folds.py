"""Speaker-independent folds. No seed: a fold is a property of the corpus, and so is its validation draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadFold, BadValue
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.splits.leaks import refuse_leaks

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: rows of the manifest in each part, sorted."""

    index: int
    train: Rows
    validation: Rows
    test: Rows

    def check(self, manifest: Manifest) -> Fold:
        """This fold, if nothing leaks.

        Raises:
            Leak: when parts overlap, rows are missing, or a test speaker is heard in training.
        """
        refuse_leaks(self, manifest)
        return self


def fold_count(folds: FoldSettings) -> int:
    """How many folds there are."""
    return folds.count


def fold(manifest: Manifest, choice: FoldChoice) -> Fold:
    """The fold of a manifest that a choice names; checked for leaks.

    Raises:
        BadValue: when the index is out of range.
        BadFold: when the corpus has too few speakers, or too few utterances of a class in training.
    """
    count = fold_count(choice.folds)
    if choice.index >= count:
        raise BadValue("fold", choice.index, f"0 to {count - 1}")
    is_test = fold_of_rows(manifest, choice.folds) == choice.index
    pool = np.flatnonzero(~is_test)
    validation = _draw_validation(manifest, pool, choice.validation, choice.index)
    train = np.setdiff1d(pool, validation)
    return Fold(choice.index, train, validation, np.flatnonzero(is_test)).check(manifest)


def fold_of_rows(manifest: Manifest, folds: FoldSettings) -> Rows:
    """For every row the fold in which it is tested, shape (utterances,)."""
    group_of = speaker_groups(manifest, folds.count)
    return np.array([group_of[speaker] for speaker in manifest.table["speaker"]], dtype=np.int64)


def speaker_groups(manifest: Manifest, count: int) -> dict[str, int]:
    """Deal speakers into groups of like size, balanced first in gender, then in speakers, then in utterances.

    Greedy: within a gender the speaker with most utterances goes first, to the group that has fewest of
    that gender; ties are broken by names, so that the same speakers always fall into the same groups.

    Raises:
        BadFold: when there are fewer speakers than groups.
    """
    speakers = _speakers(manifest)
    if len(speakers) < count:
        problem = f"it has {len(speakers)} speakers, and {count} speaker groups were asked for"
        raise BadFold(manifest.corpus, problem, f"Ask for at most {len(speakers)} folds.")
    group_of: dict[str, int] = {}
    totals = np.zeros((count, 2), dtype=np.int64)  # speakers, utterances
    for _, same_gender in speakers.groupby("gender", sort=True):
        of_gender = np.zeros(count, dtype=np.int64)
        for speaker, utterances in zip(same_gender["speaker"], same_gender["utterances"], strict=True):
            group = min(range(count), key=lambda g: (of_gender[g], *totals[g], g))
            group_of[speaker] = group
            of_gender[group] += 1
            totals[group] += (1, utterances)
    return group_of


def _speakers(manifest: Manifest) -> pd.DataFrame:
    """One row per speaker, most utterances first: speaker, gender, utterances."""
    by_speaker = manifest.table.groupby("speaker", sort=True)
    table = by_speaker.agg(gender=("gender", "first"), utterances=("utterance", "size")).reset_index()
    return table.sort_values(["utterances", "speaker"], ascending=[False, True], kind="stable")


def _draw_validation(manifest: Manifest, pool: Rows, settings: ValidationSettings, index: int) -> Rows:
    """`share` percent of the pool, stratified by class, at least one utterance of each class."""
    labels = manifest.labels[pool]
    available = np.bincount(labels, minlength=len(manifest.classes))
    for emotion, count in zip(manifest.classes, available, strict=True):
        if count < 2:
            problem = f"fold {index} leaves {count} utterance(s) of class '{emotion}' outside its test part"
            raise BadFold(
                manifest.corpus,
                f"{problem}, and training and validation need one each",
                "Ask for another number of folds, or leave that class out.",
            )
    wanted = stratified_sizes(available, settings.share / 100)
    # Neither the run's seed nor the manifest is in these names (protocol ruling 5).
    seeds = SeedTree(0).child("validation draw", index)
    drawn = [
        seeds.child(emotion).generator().permutation(pool[labels == label])[: wanted[label]]
        for label, emotion in enumerate(manifest.classes)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def stratified_sizes(available: Rows, share: float) -> Rows:
    """How many of each class to draw: largest remainders, at least one, and at least one is left."""
    exact = available * share
    sizes = np.floor(exact).astype(np.int64)
    missing = int(np.rint(exact.sum())) - int(sizes.sum())
    largest = np.argsort(-(exact - sizes), kind="stable")[:missing]
    sizes[largest] += 1
    return np.clip(sizes, 1, available - 1)
