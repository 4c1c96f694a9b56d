"""One trajectory: the rounds of one active-learning run, each recorded as soon as it is finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.acquisition import EvidenceKind, strategy_of
from after_ray.annotation import Answers, check_votes
from after_ray.backbones.identity import provenance
from after_ray.classifiers import Classifier, ClassifierInputs, Labelled, classifiers
from after_ray.corpora._settings import votes_remedy
from after_ray.environment import Execution, describe
from after_ray.errors import ChangedCode, DivergedTraining, Unanswered
from after_ray.execution.adaptation import adapted_weights
from after_ray.execution.answering import answers_of
from after_ray.execution.corpus import open_corpus
from after_ray.execution.features import open_features, open_summaries
from after_ray.execution.findings import Findings, Told, ranking
from after_ray.execution.folds import open_folds
from after_ray.execution.frame_losses import open_frame_losses
from after_ray.execution.kept_selections import check_replayed, kept_rows, places_of
from after_ray.execution.people import People
from after_ray.execution.pretraining import pretrained_weights
from after_ray.initialization import Initialization, initializations
from after_ray.initialization._recorded import Recorded
from after_ray.learning._asked import Unlabelled
from after_ray.learning._round import RoundResult, RoundState, Validation
from after_ray.learning.active import ActiveLearner
from after_ray.manifest import Manifest
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.sources import source_of
from after_ray.splits.caps import capped, validation_order
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.oracle import Evaluator, Oracle
from after_ray.splits.parts import Fold
from after_ray.splits.tripwire import Tripwire
from after_ray.stages import (
    FeaturesStage,
    FirstRoundStage,
    FoldsStage,
    FrameLossesStage,
    NextRoundStage,
    rounds,
)
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, SELECTION_FILE, Checkpoint, Draft, Record, Store
from after_ray.store.artifacts import save_arrays
from after_ray.weights import Weights

RoundStage = FirstRoundStage | NextRoundStage


class Trajectory:
    """Runs the chain of rounds that ends with `last`; finished rounds are read, not run again.

    A killed trajectory is continued by making a new one: it picks up after the last recorded round and
    ends with the numbers of an undisturbed run.
    """

    def __init__(self, last: RoundStage, execution: Execution) -> None:
        self.stages = rounds(last)
        self._execution = execution
        self._store = Store(execution.store)
        self._records: list[Record] = []
        self._weights: Weights | None = None  # of the newest round, while it was run by this process

    def finish(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Record:
        """Run every missing round and return the record of the last one."""
        while not self.finished:
            self.advance()
            progress(len(self._records), len(self.stages))
        return self._records[-1]

    @property
    def finished(self) -> bool:
        """Whether every round has a record."""
        return len(self._records) == len(self.stages)

    @property
    def done(self) -> int:
        """Number of rounds that were found or run so far."""
        return len(self._records)

    def found(self) -> int:
        """Take over every next round that is recorded already; returns how many rounds are done then."""
        while not self.finished and self._store.reclaim(self.stages[self.done].key) is not None:
            self.advance()
        return self.done

    def advance(self) -> Record:
        """Find or run the next round.

        Raises:
            ChangedCode: when a file of a user's own code is not what the key of the round was made of.
            Unanswered: when people have to label what the round has chosen, which is then written down.
        """
        stage = self.stages[len(self._records)]
        record = self._store.reclaim(stage.key)
        if record is None:
            record = self._run(stage)
        else:
            self._weights = None
            self._checkpoint(stage).clear()  # of a process that was killed after its record stood
        self._records.append(record)
        return record

    @property
    def manifest(self) -> Manifest:
        """The utterances, with what people said of them where they label."""
        return self._manifest

    @property
    def fold(self) -> Fold:
        """Who is train, validation and test."""
        return self._fold

    def _checkpoint(self, stage: RoundStage) -> Checkpoint:
        return self._store.checkpoint(stage.key, self._execution.checkpoint_seconds)

    def _run(self, stage: RoundStage) -> Record:
        stage.checked_meaning()
        started = time.time()
        checkpoint = self._checkpoint(stage)
        if self._people is not None:
            self._people.remind(stage.key, checkpoint)
        try:
            result = self._result(stage, checkpoint)
            if self._first.replayed is not None:
                check_replayed(result.labelled, self._recorded)
            record = self._commit(stage, result, started)
        except Unanswered as waiting:
            self._ask(stage, waiting, checkpoint)
            raise
        except (DivergedTraining, ChangedCode):  # it would diverge again; or who knows what code made it
            checkpoint.clear()
            raise
        checkpoint.clear()
        won = record.started == started  # else another process was first, and its bits stand
        self._weights = result.weights if won else None
        self._drop_intermediate_weights()
        return record

    def _result(self, stage: RoundStage, checkpoint: Checkpoint) -> RoundResult:
        if isinstance(stage, FirstRoundStage):
            return self._first_round(stage, checkpoint)
        strategy = strategy_of(stage.strategy, stage.selector)
        state = RoundState(self._labelled(), self.newest_weights(), self._left())
        known = self._unlabelled(stage)
        return self._learner.next(
            state, strategy, stage.size, stage.restart, checkpoint, known, stage.seconds
        )

    def _first_round(self, stage: FirstRoundStage, checkpoint: Checkpoint) -> RoundResult:
        if stage.replayed is not None:
            initialization: Initialization = Recorded(self._places)
        else:
            initialization = initializations.resolve(stage.initialization.name)(stage.initialization)  # type: ignore[call-arg]
        features = None
        if stage.initial_features is not None:
            features = self._train_summaries(stage.initial_features, "the choice of round 0")
        return self._learner.first(initialization, features, stage.size, checkpoint, stage.seconds)

    def _unlabelled(self, stage: NextRoundStage) -> Unlabelled:
        """What the strategy of a round asks of train and no label has touched."""
        summaries = frame_losses = None
        for made in stage.evidence.values():
            if isinstance(made, FeaturesStage):
                summaries = self._train_summaries(made, "acquisition scoring")
            elif isinstance(made, FrameLossesStage):
                frame_losses = open_frame_losses(made, self._execution)
        recorded = self._places if EvidenceKind.RECORDED.value in stage.evidence else None
        return Unlabelled(summaries, frame_losses, recorded)

    def _train_summaries(self, stage: FeaturesStage, during: str) -> NDArray[np.float64]:
        """One vector per train utterance, shape (train, d), by rising row; no other one is handed out."""
        summaries = open_summaries(stage, self._execution)
        guarded = self._guarded(Ragged(summaries, np.arange(len(summaries) + 1)))
        with guarded.lifted("train", during=during):
            return np.concatenate([guarded[row] for row in self._fold.train.tolist()])

    def newest_weights(self) -> Weights:
        """Weights of the newest round that is done: at hand, stored, or trained again to the same bits."""
        if self._weights is None:
            self._weights = self._weights_of(len(self._records) - 1)
        return self._weights

    def _weights_of(self, index: int) -> Weights:
        record, stage = self._records[index], self.stages[index]
        stored = self._store.arrays_if_kept(record, MODEL_FILE)
        if stored is not None:
            return stored
        labelled = self._labelled(index + 1)
        if isinstance(stage, FirstRoundStage) or stage.restart == "pretrained":
            return self._learner.refit(labelled, len(labelled), None)
        return self._learner.refit(labelled, len(labelled), self._weights_of(index - 1), stage.restart)

    def _labelled(self, count: int | None = None) -> NDArray[np.int64]:
        """Rows labelled after the first `count` rounds (all found so far), in order of acquisition."""
        return self._rows([name for record in self._records[:count] for name in record.details["acquired"]])

    def _left(self) -> NDArray[np.int64]:
        """Rows that the rounds found so far asked for and nobody could tell."""
        return self._rows([name for record in self._records for name in record.details.get("left", ())])

    def _rows(self, names: list[str]) -> NDArray[np.int64]:
        return self._utterances.get_indexer(pd.Index(np.array(names, dtype=object))).astype(np.int64)

    def _ask(self, stage: RoundStage, waiting: Unanswered, checkpoint: Checkpoint) -> None:
        """Write down what people have to label: what a round chose, with round 0 also what judges it."""
        assert self._people is not None
        self._people.remember(stage.key, checkpoint)
        rows = list(waiting.rows)
        if isinstance(stage, FirstRoundStage):
            rows += [*self._fold.validation.tolist(), *self._fold.test.tolist()]
        self._people.ask(len(self._records), stage.key, rows, self._manifest, self._fold)

    def _drop_intermediate_weights(self) -> None:
        """Keep the weights of round 0, which others start from, and of the newest round."""
        if len(self._records) >= 2:
            self._store.drop(self._records[-1], MODEL_FILE)

    def _commit(self, stage: RoundStage, result: RoundResult, started: float) -> Record:
        findings = Findings(self._manifest, self._fold, result, self._told)
        with self._store.workspace(stage.key) as folder:
            save_arrays(folder / MODEL_FILE, result.weights)
            save_arrays(folder / PREDICTIONS_FILE, findings.predictions())
            if result.pool_scores is not None:
                save_arrays(folder / SELECTION_FILE, ranking(result.pool, result.pool_scores))
            draft = Draft(
                key=stage.key,
                kind=stage.kind,
                meaning=stage.checked_meaning(),
                parents=tuple(needed.key for needed in stage.needs()),
                measures=findings.measures(),
                seconds=result.seconds,
                details=self._details(stage, result, findings),
                environment=describe(self._execution, source_of(stage)),
                started=started,
                finished=time.time(),
            )
            return self._store.commit(draft, folder)

    def _details(self, stage: RoundStage, result: RoundResult, findings: Findings) -> dict[str, Any]:
        chosen_by = dict(result.details)
        return {
            **findings.details(),
            "conformity": self._conformity,
            "folds": {**self._first.fold.meaning(), "digest": self._folds.digest},
            "backbone": None if self._first.backbone is None else provenance(self._first.backbone),
            # A strategy's own words are apart, so that none of them replaces ours.
            **(chosen_by if isinstance(stage, FirstRoundStage) else {"acquisition": chosen_by}),
        }

    @cached_property
    def _conformity(self) -> str:
        """How the copy that was prepared agrees with the corpus' official release."""
        prepared = self._store.need(self._first.audio.key).details
        return str(prepared.get("conformity", {}).get("level", "unknown"))

    @property
    def _first(self) -> FirstRoundStage:
        first = self.stages[0]
        assert isinstance(first, FirstRoundStage)
        return first

    @cached_property
    def _people(self) -> People | None:
        """Those who label while the study waits, if its annotation says so."""
        annotation = self._first.annotation
        return People(annotation, self._store) if annotation.by_people else None

    @cached_property
    def _manifest(self) -> Manifest:
        manifest = open_corpus(self._first.audio, self._execution).manifest
        return manifest if self._people is None else self._people.labelled(manifest)

    @cached_property
    def _utterances(self) -> pd.Index[str]:
        return pd.Index(self._manifest.table["utterance"])

    @cached_property
    def _fold(self) -> Fold:
        fold = self._folds.folds[self._first.fold.index]
        return fold if self._people is None else self._people.heard(fold, self._manifest)

    @cached_property
    def _folds(self) -> FoldTable:
        stage = FoldsStage.of(self._first.audio, self._first.fold)
        return open_folds(self._first.audio, stage, self._execution)

    @cached_property
    def _recorded(self) -> NDArray[np.int64]:
        """The rows that this trajectory replays, in their order."""
        assert self._first.replayed is not None
        return kept_rows(self._first.replayed, self._store)

    @property
    def _places(self) -> NDArray[np.int64]:
        return places_of(self._recorded, self._fold.train)

    @cached_property
    def _learner(self) -> ActiveLearner:
        first, labels, parts = self._first, self._manifest.labels, self._fold
        features = self._guarded(open_features(first.features, self._execution))
        return ActiveLearner(
            make_classifier=self._make_classifier(features),
            fold=parts,
            oracle=Oracle(self._answers, parts.train),
            validation=self._validation,
            test=Evaluator(labels, parts.test),
            seeds=SeedTree(first.seed).child("fold", first.fold.index),
            lifted=features.lifted,
            durations=self._manifest.table["seconds"].to_numpy(dtype=np.float64),
        )

    @property
    def _told(self) -> Told | None:
        """What the oracle said that is not the corpus' own, and how many rows round 0 has labelled."""
        if not self._first.annotated:
            return None
        initial = int(self._records[0].measures["labelled"] or 0) if self._records else None
        own = None if self._people is not None else self._manifest.labels
        return Told(self._answers, own, initial, self._left())

    @cached_property
    def _answers(self) -> Answers:
        """What the oracle says of every utterance; validation and test are judged by the corpus' own labels.

        Raises:
            NoVotes: when votes are asked for and an utterance of train has none.
        """
        first, manifest = self._first, self._manifest
        check_votes(first.annotation, manifest.votes, manifest.sources, self._fold.train, votes_remedy)
        answers = answers_of(first, manifest)
        return answers if self._people is None else self._people.answers(answers, manifest)

    def _guarded(self, values: Ragged) -> Tripwire:
        return Tripwire(values, self._fold, self._manifest.table["utterance"].to_numpy())

    def _validation(self, labelled: int) -> Validation:
        """The validation utterances of a round with `labelled` ones."""
        labels, rows = self._manifest.labels, self._fold.validation
        if self._first.validation_cap == "labelled":
            rows = capped(validation_order(self._fold, labels), labelled)
        return Validation(Labelled(rows, labels[rows]), Evaluator(labels, rows))

    def _make_classifier(self, features: Ragged) -> Callable[[], Classifier]:
        first = self._first
        inputs = ClassifierInputs(
            features=features,
            classes=len(self._manifest.classes),
            backbone=adapted_weights(first.adapted, self._execution),
            device=self._execution.resolve_device(),
            compile=self._execution.compile,
            pretrained=pretrained_weights(first.pretrained, self._execution),
        )
        implementation = classifiers.resolve(first.classifier.name)
        return lambda: implementation.build(first.classifier, inputs, first.backbone)
