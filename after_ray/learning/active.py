"""Algorithm 1 of AFTER: train, evaluate, acquire, round after round, on one fold.

A round is a pure function of the round before it, its target size and the seeds, so that a trajectory can be
stopped anywhere, continued elsewhere, branched to another strategy or extended at its end, and gives the
numbers of an undisturbed run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition import Picked, PoolEvidence, Strategy
from after_ray.classifiers import Classifier, FitReport, Labelled
from after_ray.errors import BadValue, BrokenInvariant, TooFewUtterances, Unanswered
from after_ray.initialization import Initialization
from after_ray.learning._asked import NOTHING_KNOWN, Asked, Unlabelled
from after_ray.learning._budget import Budget
from after_ray.learning._choice import Choice, Stopwatch, as_state, kept_choice
from after_ray.learning._round import NOTHING, Lifted, RoundResult, RoundState, Rows, Validation
from after_ray.learning.restart import start_of
from after_ray.learning.settings import Restart
from after_ray.metrics import Scores
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.weights import Weights

if TYPE_CHECKING:
    from after_ray.splits.oracle import Evaluator, Oracle
    from after_ray.splits.parts import Fold
    from after_ray.splits.tripwire import Part


class ActiveLearner:
    """Runs single rounds on one fold; holds no state of a trajectory beside the oracle's record of reveals.

    Args:
        make_classifier: makes an untrained classifier; called anew for every scoring and every training, so
            that nothing but the weights goes from one to the next.
        fold: rows of train, validation and test.
        oracle: holds the labels of train.
        validation: the validation utterances of a round, by how many it has labelled.
        test: evaluates on the test part; test labels are reachable only through it.
        seeds: the tree of this fold and seed. Training draws from `fit`/size and never from a strategy's
            name, so that strategies coincide where their labelled sets do.
        lifted: opens the parts of the fold that a step may read; all else stays closed to it.
        durations: seconds of every manifest row; needed where budgets are in seconds.
    """

    def __init__(
        self,
        make_classifier: Callable[[], Classifier],
        fold: Fold,
        oracle: Oracle,
        validation: Callable[[int], Validation],
        test: Evaluator,
        seeds: SeedTree,
        lifted: Lifted,
        durations: NDArray[np.float64] | None = None,
    ) -> None:
        self.oracle = oracle
        self._make_classifier = make_classifier
        self._train: Rows = np.sort(fold.train)
        self._held_out = np.concatenate([fold.validation, fold.test])
        self._validation = validation
        self._test = test
        self._seeds = seeds
        self._lifted = lifted
        self._durations = durations

    def first(
        self,
        initialization: Initialization,
        features: NDArray[np.float64] | None,
        size: int,
        checkpoint: Checkpoint = NO_CHECKPOINT,
        seconds: float | None = None,
    ) -> RoundResult:
        """Round 0: choose `size` rows of train without any label, reveal them, train, evaluate.

        `features` has one row per train utterance, in ascending order of manifest rows. `checkpoint` keeps
        the state of the round; one with the state of a killed round is gone on from. `seconds`: how much
        audio may be labelled; `size` is then only expected.

        Raises:
            TooFewUtterances: when train is smaller than `size`.
            BrokenInvariant: when the initialization picks wrongly.
            Unanswered: when people have to label what was chosen; the choice is then in the checkpoint.
        """
        pool = self._begin(NOTHING, NOTHING, size)

        def initial(count: int) -> Picked:
            chosen = initialization.choose(count, features, len(pool), self._seeds.child("initial"))
            return Picked(chosen.positions, details=chosen.details)

        def choose(watch: Stopwatch) -> Choice:
            with watch.phase("acquire"):
                picked = self._budget(NOTHING, pool, size, seconds).spend(initial)
                return Choice(self._rows_at(picked.positions, pool, size), details=picked.details)

        return self._round(NOTHING, pool, None if seconds else size, choose, _fresh, checkpoint)

    def next(
        self,
        state: RoundState,
        strategy: Strategy,
        size: int,
        restart: Restart,
        checkpoint: Checkpoint = NO_CHECKPOINT,
        unlabelled: Unlabelled = NOTHING_KNOWN,
        seconds: float | None = None,
    ) -> RoundResult:
        """A later round: score the pool, acquire up to `size` labelled rows, reveal, train, evaluate.

        `restart`: where training starts (`after_ray.learning.restart`); `checkpoint` and `seconds`: as in
        `first`; `unlabelled`: what the strategy needs beside the classifier.

        Raises:
            BadValue: when `size` does not exceed what is labelled already.
            TooFewUtterances: when train is smaller than `size`.
            BrokenInvariant: when rows are labelled that are not of train, or the strategy picks wrongly.
            Unanswered: as in `first`.
        """
        pool = self._begin(state.labelled, state.left, len(state.labelled) + 1 if seconds else size)
        drawn = self._seeds.child("acquire", size)
        size = min(size, len(state.labelled) + len(pool))

        def choose(watch: Stopwatch) -> Choice:
            if not len(pool):  # what nobody could tell was the rest of it
                return Choice(NOTHING)
            with watch.phase("score"):
                evidence = self._evidence(strategy, state, pool, unlabelled)
            with watch.phase("acquire"):
                budget = self._budget(state.labelled, pool, size, seconds)
                picked = budget.spend(lambda count: strategy.select(evidence, count, drawn.generator()))
                acquired = self._rows_at(picked.positions, pool, size)
                return Choice(acquired, picked.scores, picked.pool_scores, picked.details)

        start = _starting(restart, state.weights)
        return self._round(state.labelled, pool, None if seconds else size, choose, start, checkpoint)

    def refit(
        self, labelled: Rows, size: int, previous: Weights | None, restart: Restart = "previous"
    ) -> Weights:
        """Train once more a round whose weights were dropped: the same weights, to the bit.

        `labelled`: the rows of that round, in order of acquisition; `size`: its target size; `previous`: the
        weights of the round before it, which `restart` may start from; None for round 0.

        Raises:
            BrokenInvariant: when the rows are not `size` different rows of train.
        """
        self._check_labelled(labelled, size)
        self.oracle.restore(labelled)
        start = _fresh if previous is None else _starting(restart, previous)
        return self._fit(self._label(labelled, NOTHING, size), start, NO_CHECKPOINT)[0].weights()

    def _round(
        self,
        before: Rows,
        pool: Rows,
        size: int | None,
        choose: Callable[[Stopwatch], Choice],
        start: _Start,
        checkpoint: Checkpoint,
    ) -> RoundResult:
        """Choose, or take the choice of a killed round from its checkpoint; reveal, train, evaluate.

        `size`: how many rows must be labelled then, those that nobody could tell aside; None where the choice
        decides.
        """
        watch = Stopwatch("score", "acquire", "train", "evaluate")
        kept = kept_choice(checkpoint, watch)
        chosen = kept or choose(watch)
        checkpoint = checkpoint.carrying(*as_state(chosen, watch))
        if kept is None and checkpoint.due:  # a kept one stands beside the state of its training
            checkpoint.save({}, {})
        with watch.phase("acquire"):
            told, left = self._told(chosen, checkpoint)
            known = self._label(
                before, told.acquired, (size or len(before) + len(chosen.acquired)) - len(left)
            )
        result = self._train_and_evaluate(before, pool, told, known, start, watch, checkpoint)
        result = replace(result, left=left)
        return result if kept is None else replace(result, resumed=max(1, result.fit.resumed))

    def _told(self, chosen: Choice, checkpoint: Checkpoint) -> tuple[Choice, Rows]:
        """What of a choice can be labelled, and the rows that nobody can tell."""
        try:
            answered = self.oracle.answered(chosen.acquired)
        except Unanswered:
            checkpoint.save({}, {})  # whoever goes on trains on what was asked for
            raise
        left = np.setdiff1d(chosen.acquired, answered, assume_unique=True)
        return (chosen.only(answered) if len(left) else chosen), left

    def _begin(self, labelled: Rows, left: Rows, size: int) -> Rows:
        """The pool, the rows of train neither labelled nor left, ascending; from here on every reveal counts.

        Sizes are checked before anything is computed.
        """
        if size > len(self._train):
            raise TooFewUtterances("The train part is smaller than the round", len(self._train), size)
        if size <= len(labelled):
            allowed = f"more than the {len(labelled)} labelled already, at most {len(self._train)}"
            raise BadValue("size of a round", size, allowed)
        self._check_labelled(labelled, len(labelled))
        self.oracle.restore(labelled)
        return np.setdiff1d(self._train, np.concatenate([labelled, left]), assume_unique=True)

    def _budget(self, labelled: Rows, pool: Rows, size: int, seconds: float | None) -> Budget:
        """What is left to acquire."""
        if seconds is None:
            return Budget(size - len(labelled))
        if self._durations is None:
            raise ValueError("a budget in seconds needs the durations of utterances")
        spent = math.fsum(self._durations[labelled])
        return Budget(size - len(labelled), seconds - spent, self._durations[pool])

    def _evidence(
        self, strategy: Strategy, state: RoundState, pool: Rows, unlabelled: Unlabelled
    ) -> PoolEvidence:
        """What the strategy asks for, and nothing it does not."""
        if not strategy.needs:
            return PoolEvidence(len(pool), ids=pool)
        asked = Asked(strategy.needs, self._make_classifier, state.weights, self._train, unlabelled)
        with self._lifted("train", during="acquisition scoring"):
            labelled = np.sort(state.labelled)  # the order in which they were acquired decides nothing
            return asked.evidence(pool, labelled, self.oracle.restore(labelled))

    def _rows_at(self, positions: NDArray[np.int64], pool: Rows, size: int) -> Rows:
        if ((positions < 0) | (positions >= len(pool))).any():
            raise BrokenInvariant(size, f"a position outside the pool of {len(pool)} was picked")
        return pool[positions]

    def _check_labelled(self, labelled: Rows, size: int) -> None:
        """`size` different rows of train, none held out: with the pool they are then exactly train."""
        if len(labelled) != size:
            raise BrokenInvariant(size, f"{len(labelled)} rows are labelled")
        if len(np.unique(labelled)) != size:
            raise BrokenInvariant(size, "an utterance was picked twice")
        if np.isin(labelled, self._held_out).any():
            raise BrokenInvariant(size, "a validation or test utterance is among the labelled")
        if not np.isin(labelled, self._train).all():
            raise BrokenInvariant(size, "an utterance outside train is among the labelled")

    def _check_reveals(self, expected: int, size: int) -> None:
        """Nobody but the round itself has asked the oracle."""
        if len(self.oracle) != expected:
            raise BrokenInvariant(
                size, f"{len(self.oracle)} labels were revealed where {expected} are labelled"
            )

    def _label(self, before: Rows, acquired: Rows, size: int) -> Labelled:
        """All labelled rows with their labels, sorted by row; the oracle reveals the acquired ones.

        Sorted, because the order of training is drawn over positions: it must not depend on who came first.
        """
        rows = np.concatenate([before, acquired])
        self._check_labelled(rows, size)
        self._check_reveals(len(before), size)
        labels = np.concatenate([self.oracle.restore(before), self.oracle.reveal(acquired)])
        order = np.argsort(rows)
        return Labelled(rows[order], labels[order], rows, self.oracle.targets(rows[order]))

    def _fit(self, known: Labelled, start: _Start, checkpoint: Checkpoint) -> tuple[Classifier, FitReport]:
        classifier = self._make_classifier()
        seeds = self._seeds.child("fit", len(known.rows))
        validation = self._validation(len(known.rows)).labelled
        with self._lifted("train", "validation", during="training"):
            report = classifier.fit(
                known, validation, start=start(classifier, seeds), seeds=seeds, checkpoint=checkpoint
            )
        return classifier, report

    def _evaluate(
        self, classifier: Classifier, evaluator: Evaluator, part: Part
    ) -> tuple[NDArray[np.float64], Scores]:
        with self._lifted(part, during=f"the evaluation on {part}"):
            log_probabilities = classifier.log_probabilities(evaluator.rows)
        return log_probabilities, evaluator.evaluate(log_probabilities)

    def _train_and_evaluate(
        self,
        before: Rows,
        pool: Rows,
        chosen: Choice,
        known: Labelled,
        start: _Start,
        watch: Stopwatch,
        checkpoint: Checkpoint,
    ) -> RoundResult:
        with watch.phase("train"):
            classifier, fit = self._fit(known, start, checkpoint)
            weights = classifier.weights()
        watch.add("train", fit.seconds_before)
        with watch.phase("evaluate"):
            evaluator = self._validation(len(known.rows)).evaluator
            validation, validation_scores = self._evaluate(classifier, evaluator, "validation")
            test, test_scores = self._evaluate(classifier, self._test, "test")
        self._check_reveals(len(known.rows), len(known.rows))
        return RoundResult(
            acquired=chosen.acquired,
            labelled=np.concatenate([before, chosen.acquired]),
            weights=weights,
            revealed=len(self.oracle),
            fit=fit,
            validation=validation_scores,
            test=test_scores,
            validation_rows=evaluator.rows,
            validation_log_probabilities=validation,
            test_log_probabilities=test,
            acquired_scores=chosen.scores,
            pool=pool,
            pool_scores=chosen.pool_scores,
            seconds=watch.seconds(),
            details=chosen.details,
        )


_Start = Callable[[Classifier, SeedTree], Weights | None]


def _fresh(classifier: Classifier, seeds: SeedTree) -> None:
    """The start of a round without a round before it."""


def _starting(restart: Restart, previous: Weights) -> _Start:
    """The weights that a training with given seeds starts from, by the rule of `restart`."""
    return lambda classifier, seeds: start_of(restart, previous, lambda: classifier.initial(seeds))
