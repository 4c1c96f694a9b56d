"""Classes behind a counter: those of train are bought from the oracle, those of test never leave here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from after_ray.annotation import Answers, of_corpus
from after_ray.errors import NoProbabilities, OracleRefusal, Unanswered
from after_ray.manifest import UNKNOWN
from after_ray.metrics import Scores, evaluate

Rows = NDArray[np.int64]
_TOLERATED = 0.01  # of a sum of probabilities: bf16 errs by less


class Oracle:
    """Tells the class of a training utterance, once, and remembers every question in order."""

    def __init__(self, given: Answers | NDArray[np.int64], train: Rows) -> None:
        """Guard the answers of the rows `train`; those of all other rows are not even kept.

        `given`: answers, one entry per manifest row; or the corpus' own labels, which then are the answers.
        """
        answers = given if isinstance(given, Answers) else of_corpus(given)
        self._told_of = dict(zip(train.tolist(), answers.told[train].tolist(), strict=True))
        self._targets = None if answers.targets is None else answers.targets[train]
        self._left = frozenset(answers.left.tolist())
        self._place_of = {row: place for place, row in enumerate(train.tolist())}
        self._revealed: dict[int, None] = {}  # ordered

    def reveal(self, rows: ArrayLike) -> NDArray[np.int64]:
        """What is told of training rows that were not asked for before, in the order asked.

        Raises:
            OracleRefusal: for rows outside train, revealed before or listed twice; nothing is revealed then.
            Unanswered: when people have not answered yet; nothing is revealed then.
        """
        asked = self._checked(rows)
        again = [row for row in asked if row in self._revealed]
        if again:
            raise OracleRefusal("Answers asked for a second time", again, "training rows not yet revealed")
        self._revealed.update(dict.fromkeys(asked))
        return self._told(asked)

    def restore(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Continue where an earlier run stopped: exactly `rows` count as revealed, in that order.

        Returns:
            What is told of them.

        Raises:
            OracleRefusal: for rows outside train or listed twice; nothing changes then.
            Unanswered: when people have not answered yet; nothing changes then.
        """
        asked = self._checked(rows)
        self._revealed = dict.fromkeys(asked)
        return self._told(asked)

    def targets(self, rows: ArrayLike) -> NDArray[np.float64] | None:
        """Shares of every class, shape (rows, classes), of rows revealed before; None where `told` says all.

        Raises:
            OracleRefusal: for rows that were not revealed.
        """
        asked = _as_list(rows)
        hidden = [row for row in asked if row not in self._revealed]
        if hidden:
            raise OracleRefusal("Targets asked for before the classes", hidden, "rows revealed before")
        places = np.array([self._place_of[row] for row in asked], dtype=np.int64)
        return None if self._targets is None else self._targets[places]

    def answered(self, rows: Rows) -> Rows:
        """Those of `rows`, in their order, that somebody can tell: who heard the others could not.

        Raises:
            Unanswered: naming every row that nobody has listened to yet.
        """
        known = np.array([row not in self._left for row in rows.tolist()], dtype=bool)
        self._refuse_unanswered(rows[known].tolist())
        return rows[known]

    @property
    def revealed(self) -> Rows:
        """Every row revealed so far, in order."""
        return np.array(list(self._revealed), dtype=np.int64)

    def __len__(self) -> int:
        """How many rows were revealed."""
        return len(self._revealed)

    def _checked(self, rows: ArrayLike) -> list[int]:
        asked = _as_list(rows)
        outside = [row for row in asked if row not in self._told_of]
        if outside:
            raise OracleRefusal("Answers asked for outside the train part", outside, "rows of the train part")
        if len(set(asked)) != len(asked):
            twice = sorted({row for row in asked if asked.count(row) > 1})
            raise OracleRefusal("Answers asked for twice in one question", twice, "every row once")
        self._refuse_unanswered(asked)
        return asked

    def _refuse_unanswered(self, rows: Sequence[int]) -> None:
        waiting = [row for row in rows if self._told_of[row] == UNKNOWN]
        if waiting:
            raise Unanswered(waiting)

    def _told(self, rows: Sequence[int]) -> NDArray[np.int64]:
        return np.array([self._told_of[row] for row in rows], dtype=np.int64)


class Evaluator:
    """Scores predictions for a fixed set of rows; their labels in the corpus stay inside."""

    def __init__(self, labels: NDArray[np.int64], rows: Rows) -> None:
        self.rows = rows.copy()
        self._truth = labels[rows].astype(np.int64)

    def evaluate(self, log_probabilities: NDArray[np.floating]) -> Scores:
        """All metrics from log-probabilities of shape (len(rows), classes), in the order of `rows`.

        Raises:
            ValueError: when the shape is another one.
            NoProbabilities: when a value is not a number, or probabilities of an utterance do not sum to 1.
        """
        if log_probabilities.ndim != 2 or len(log_probabilities) != len(self.rows):
            raise ValueError(f"expected ({len(self.rows)}, classes), got {log_probabilities.shape}")
        values = log_probabilities.astype(np.float64)
        sums = np.exp(values).sum(axis=1)
        wrong = np.flatnonzero(~(np.abs(sums - 1) <= _TOLERATED))  # one that is not a number is wrong too
        if len(wrong):
            raise NoProbabilities(len(wrong), len(sums), float(sums[wrong[0]]))
        return evaluate(values, self._truth)


def _as_list(rows: ArrayLike) -> list[int]:
    return np.asarray(rows, dtype=np.int64).ravel().tolist()
