"""What a round found, as its record and its files hold it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.annotation import Answers
from after_ray.learning._round import RoundResult
from after_ray.manifest import Manifest
from after_ray.metrics import evaluate
from after_ray.splits.parts import Fold


@dataclass(frozen=True)
class Told:
    """What the oracle said in the place of the corpus' own `labels`, which are of every manifest row.

    `labels`: None where people say all that is known, so that none of it can be called wrong.
    `initial`: how many rows round 0 has labelled, the first of all labelled ones; None in round 0 itself.
    `left`: rows that nobody could tell in the rounds before.
    """

    answers: Answers
    labels: NDArray[np.int64] | None
    initial: int | None
    left: NDArray[np.int64]

    def measures(self, labelled: NDArray[np.int64], left: NDArray[np.int64]) -> dict[str, float | int | None]:
        """Annotations spent, and the shares of wrong ones among the rows labelled, in order of acquisition.

        Spent is what labelled rows took, and what rows took that nobody could tell, `left` in this round too.

        Wrong is what was told of an utterance and is not its label in the corpus.
        """
        annotations = int(self.answers.cost[np.concatenate([labelled, self.left, left])].sum())
        if self.labels is None:
            return {"annotations": annotations}
        wrong = self.answers.told[labelled] != self.labels[labelled]
        acquired = wrong[len(labelled) if self.initial is None else self.initial :]
        return {
            "annotations": annotations,
            "wrong": float(wrong.mean()),
            "wrong_acquired": float(acquired.mean()) if len(acquired) else None,
        }


@dataclass(frozen=True)
class Findings:
    """The result of one round, in the words of its corpus and fold; `told` of other labels than its own."""

    manifest: Manifest
    fold: Fold
    result: RoundResult
    told: Told | None = None

    def predictions(self) -> dict[str, NDArray[Any]]:
        """Rows, log-probabilities and labels of test and of the validation utterances that were used."""
        labels, result = self.manifest.labels, self.result
        return {
            "test_rows": self.fold.test,
            "test_log_probabilities": result.test_log_probabilities,
            "test_truth": labels[self.fold.test],
            "validation_rows": result.validation_rows,
            "validation_log_probabilities": result.validation_log_probabilities,
            "validation_truth": labels[result.validation_rows],
        }

    def measures(self) -> dict[str, float | int | None]:
        """The numbers of the round."""
        seconds, result = self.manifest.table["seconds"].to_numpy(), self.result
        return {
            "ua": result.test.ua,
            "wa": result.test.wa,
            "macro_f1": result.test.macro_f1,
            "loss": result.test.loss,
            "ece": result.test.ece,
            "validation_ua": result.validation.ua,
            "validation_wa": result.validation.wa,
            "validation_loss": result.validation.loss,
            "labelled": len(result.labelled),
            "revealed": result.revealed,
            "labelled_seconds": math.fsum(seconds[result.labelled]),
            "train": len(self.fold.train),
            "validation": len(self.fold.validation),
            "validation_used": len(result.validation_rows),
            "test": len(self.fold.test),
            "updates": result.fit.updates,
            "epochs": result.fit.epochs,
            **({} if self.told is None else self.told.measures(result.labelled, result.left)),
        }

    def details(self) -> dict[str, Any]:
        """What else is told of the round, as JSON values."""
        table, result, scores = self.manifest.table, self.result, self.result.acquired_scores
        return {
            "classes": list(self.manifest.classes),
            "confusion": [list(row) for row in result.test.confusion],
            "recall": list(result.test.recall),
            "acquired": table["utterance"].to_numpy()[result.acquired].tolist(),
            **self._left(),
            "acquired_scores": None if scores is None else [float(score) for score in scores],
            "labelled_by": self._counted_by(result.labelled),
            "train_by": self._counted_by(self.fold.train),
            "train_seconds": math.fsum(table["seconds"].to_numpy()[self.fold.train]),
            "test_by": self._counted_by(self.fold.test),
            "ua_by_corpus": self._ua_by("corpus"),
            "ua_by": {axis: self._ua_by(axis) for axis in ("gender", "speaker")},
            "test_speakers": sorted(set(table["speaker"].iloc[self.fold.test])),
            "collapsed": bool(np.count_nonzero(np.sum(result.test.confusion, axis=0)) == 1),
            "precision": result.fit.precision,
            "compiled": result.fit.compiled,
            "skipped_updates": result.fit.skipped,
            "stopped": result.fit.stopped,
            "resumed": result.resumed,
            "warnings": list(result.fit.warnings),
        }

    def _left(self) -> dict[str, Any]:
        """What was asked for and nobody could tell, where there is any."""
        names = self.manifest.table["utterance"].to_numpy()[self.result.left].tolist()
        return {"left": names} if names else {}

    def _ua_by(self, axis: str) -> dict[str, float]:
        """UA over the test utterances of each group, and over the classes that it has."""
        groups = self._described_by[axis].to_numpy(dtype=object)[self.fold.test]
        truth, found = self.manifest.labels[self.fold.test], self.result.test_log_probabilities
        return {
            str(name): evaluate(found[groups == name], truth[groups == name]).ua
            for name in sorted(set(groups))
        }

    def _counted_by(self, rows: NDArray[np.int64]) -> dict[str, dict[str, int]]:
        """How many of these utterances every class, gender, speaker and corpus has."""
        return {axis: _counts(values.iloc[rows]) for axis, values in self._described_by.items()}

    @cached_property
    def _described_by(self) -> dict[str, pd.Series[str]]:
        """What utterances are counted by."""
        table = self.manifest.table
        by_column = {axis: table[axis] for axis in ("emotion", "gender", "speaker")}
        return {**by_column, "corpus": pd.Series(self.manifest.sources)}


def ranking(pool: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """How a pool was ranked: its manifest rows, their scores and ranks (1: the best), each of shape (n,)."""
    ranks = np.empty(len(pool), dtype=np.int32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(pool) + 1)
    return {"rows": pool.astype(np.int32), "scores": scores.astype(np.float32), "ranks": ranks}


def _counts(values: pd.Series[str]) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}
