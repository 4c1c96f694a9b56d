"""A trajectory that people label: what they have said so far, and what they are asked next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from after_ray.annotation import AnnotationSettings, Answers
from after_ray.labelling import Asked, Clip, Frozen, Labelling, labelling_place
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.splits.parts import Fold
from after_ray.store import Checkpoint, Store

Rows = NDArray[np.int64]
PARTS = ("train", "validation", "test")
CHOICES = "choices"  # folder of a labelling: by key what each round chose


class People:
    """Those who label for one trajectory, through the labelling in the store that its annotation names.

    Only answers that a training has begun with are read (`after_ray.labelling.rounds`), so that a round that
    is computed again is told what it was told before.
    """

    def __init__(self, annotation: AnnotationSettings, store: Store) -> None:
        self._annotation = annotation
        self._place = labelling_place(store.place, annotation.labelling)
        self._choices = self._place.below(CHOICES)
        self._classes = Labelling.read(store.place, annotation.labelling).classes

    @cached_property
    def _frozen(self) -> Frozen:
        return Frozen.read(self._place)

    def labelled(self, manifest: Manifest) -> Manifest:
        """The utterances of a corpus with the classes that people tell apart, and what they have said."""
        return manifest.declaring(self._classes).answered(self._frozen.emotions, self._frozen.votes)

    def left(self, manifest: Manifest) -> Rows:
        """Rows that nobody could tell."""
        return np.flatnonzero(manifest.table["utterance"].isin(list(self._frozen.left))).astype(np.int64)

    def answers(self, told: Answers, manifest: Manifest) -> Answers:
        """What they have told, with what they could not tell and what that took."""
        left = self.left(manifest)
        names, cost = manifest.table["utterance"].to_numpy(dtype=object), told.cost.copy()
        cost[left] = [self._frozen.left[name] for name in names[left]]
        return replace(told, cost=cost, left=left)

    def heard(self, fold: Fold, manifest: Manifest) -> Fold:
        """The fold with as much of validation and test as people label, without what nobody could tell.

        Which utterances these are is drawn by the fold, not by the run's seed, and not by any label.
        """
        lost = self.left(manifest)
        held_out = np.concatenate([fold.validation, fold.test])
        drawn = _drawn(fold.validation, self._annotation.validation, fold.index, "validation")
        validation = np.setdiff1d(drawn, lost)
        test = np.setdiff1d(_drawn(fold.test, self._annotation.test, fold.index, "test"), lost)
        spare = np.setdiff1d(held_out, np.concatenate([validation, test]))
        unused = np.sort(np.concatenate([fold.unused, spare]))
        return replace(fold, validation=validation, test=test, unused=unused)

    def remember(self, key: str, checkpoint: Checkpoint) -> None:
        """Keep what a round chose as long as its labelling: what people are paid for outlasts checkpoints."""
        chosen, kept = checkpoint.load(), self._choice(key)
        if chosen is not None and kept.load() is None:
            kept.save(chosen.arrays, chosen.values)

    def remind(self, key: str, checkpoint: Checkpoint) -> None:
        """Give a round that has lost its checkpoint what it chose when people were asked."""
        chosen = self._choice(key).load()
        if chosen is not None and checkpoint.load() is None:
            checkpoint.save(chosen.arrays, chosen.values)

    def _choice(self, key: str) -> Checkpoint:
        return Checkpoint(self._choices.below(key))

    def ask(self, number: int, key: str, rows: Sequence[int], manifest: Manifest, fold: Fold) -> None:
        """Write down what a round has to be told.

        Parts are mixed, so that who is tired is as tired for one of them as for another.
        """
        part_of = {row: name for name in PARTS for row in getattr(fold, name).tolist()}
        table = manifest.table
        ids, paths = (table[name].to_numpy(dtype=object) for name in ("utterance", "path"))
        seconds = table["seconds"].to_numpy(dtype=np.float64)
        if len({part_of[row] for row in rows}) > 1:
            rows = SeedTree(0).child("order of asking", key).generator().permutation(np.array(rows)).tolist()
        clips = (Clip(ids[row], paths[row], part_of[row], float(seconds[row])) for row in rows)
        Asked(number, key, tuple(clips)).write(self._place)


def _drawn(rows: Rows, most: int | None, index: int, part: str) -> Rows:
    if most is None or most >= len(rows):
        return rows
    order = SeedTree(0).child("labelled by people", index, part).generator().permutation(rows)
    return np.sort(order[:most])
