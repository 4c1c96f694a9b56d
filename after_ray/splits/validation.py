"""The validation draw of a fold: never from test speakers, unless the official code is to be followed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from after_ray.errors import BadFold
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.splits._settings import ValidationSettings
from after_ray.splits.speakers import recorded_together

Rows = NDArray[np.int64]
ATTEMPTS = 200  # orders of speakers tried until both parts hold every class


def draw_validation(manifest: Manifest, rest: Rows, settings: ValidationSettings, index: int) -> Rows:
    """The validation rows of fold `index`, sorted, drawn from `rest` (all rows outside the test part).

    Raises:
        BadFold: when training and validation cannot both hold every class.
    """
    _refuse_scarce_classes(manifest, rest, index)
    if settings.draw == "by_speaker":
        return _whole_speakers(manifest, rest, settings.share / 100, index)
    return _stratified(manifest, rest, settings.share / 100, index)


def halves(held_out: Rows, index: int) -> tuple[Rows, Rows]:
    """A held-out part cut at random into validation, the smaller half, and test (B3 of docs/differences.md).

    Not stratified, as in the label files published with the paper's code (542 and 543 of session 1).
    """
    order = SeedTree(0).child("halves", index).generator().permutation(held_out)
    half = len(order) // 2
    return np.sort(order[:half]), np.sort(order[half:])


def stratified_sizes(available: Rows, share: float) -> Rows:
    """How many of each stratum to draw: largest remainders, at least one, and at least one is left.

    A stratum of one utterance gives none.
    """
    exact = available * share
    sizes = np.floor(exact).astype(np.int64)
    missing = int(np.rint(exact.sum())) - int(sizes.sum())
    largest = np.argsort(-(exact - sizes), kind="stable")[:missing]
    sizes[largest] += 1
    return np.clip(sizes, np.minimum(available - 1, 1).clip(0), (available - 1).clip(0))


def _refuse_scarce_classes(manifest: Manifest, rest: Rows, index: int) -> None:
    classes, labels = manifest.strata
    available = np.bincount(labels[rest], minlength=len(classes))
    for emotion, count in zip(classes, available, strict=True):
        if count < 2:
            of = f" of class '{emotion}'" if emotion else ""
            problem = f"fold {index} leaves {count} utterance(s){of} outside its test part"
            raise BadFold(
                manifest.corpus,
                f"{problem}, and training and validation need one each",
                "Ask for another number of folds, or leave that class out.",
            )


def _stratified(manifest: Manifest, rest: Rows, share: float, index: int) -> Rows:
    """`share` of `rest`, stratified by corpus and class, at least one utterance of each."""
    # Neither the run's seed nor the manifest is in these names.
    seeds = SeedTree(0).child("validation draw", index)
    strata = list(_strata(manifest, rest))
    wanted = stratified_sizes(np.array([len(rows) for _, rows in strata]), share)
    drawn = [
        seeds.child(*name).generator().permutation(rows)[:size]
        for (name, rows), size in zip(strata, wanted, strict=True)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _strata(manifest: Manifest, rest: Rows) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """Rows by class, and by corpus too where there are several; named for the seed tree."""
    classes, labels = manifest.strata
    labels, sources = labels[rest], manifest.sources[rest]
    several = len(set(manifest.sources)) > 1
    for source in sorted(set(sources)):
        for label, emotion in enumerate(classes):
            rows = rest[(labels == label) & (sources == source)]
            if len(rows):
                yield ((source, emotion) if several else (emotion,)), rows


def _whole_speakers(manifest: Manifest, rest: Rows, share: float, index: int) -> Rows:
    """Whole speakers of every corpus, in a drawn order, until their utterances are nearest to the share."""
    seeds = SeedTree(0).child("validation speakers", index)
    _, labels = manifest.strata
    every = set(labels[rest].tolist())
    for attempt in range(ATTEMPTS):
        drawn = np.sort(_draw_speakers(manifest, rest, share, seeds.child(attempt).generator()))
        left = np.setdiff1d(rest, drawn, assume_unique=True)
        if set(labels[drawn].tolist()) == every == set(labels[left].tolist()):
            return drawn
    raise BadFold(
        manifest.corpus,
        f"fold {index} has no choice of whole validation speakers that leaves every class in both parts",
        "Set 'validation: by_utterance', raise its share, or ask for fewer folds.",
    )


def _draw_speakers(manifest: Manifest, rest: Rows, share: float, generator: np.random.Generator) -> Rows:
    """The rows of one drawn choice; speakers of one dialog are drawn together."""
    table = manifest.table.iloc[rest]
    units = recorded_together(table).sort_values("first")
    several = units["source"].nunique() > 1
    chosen: list[str] = []
    for _, of_corpus in units.groupby("source", sort=True):
        wanted, taken = share * of_corpus["utterances"].sum(), 0
        order = generator.permutation(len(of_corpus))
        for unit in order[:-1]:  # somebody of every corpus stays in train
            size = int(of_corpus["utterances"].iloc[unit])
            nearer = abs(taken + size - wanted) < abs(taken - wanted)
            if not nearer and (taken or several):  # few speakers give none to a merger
                break
            chosen += of_corpus["speakers"].iloc[unit]
            taken += size
    return rest[table["speaker"].isin(chosen).to_numpy()]
