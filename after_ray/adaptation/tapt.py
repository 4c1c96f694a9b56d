"""Adaptations: the backbone goes on learning from the train part, without labels unless it says otherwise."""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation._batches import Batches, ahead, usable
from after_ray.adaptation._clusters import ClusterObjective
from after_ray.adaptation._journal import Journal, Progress
from after_ray.adaptation._labels import label_frames
from after_ray.adaptation._objective import Objective
from after_ray.adaptation._quantizer import QuantizerObjective
from after_ray.adaptation._training import NOTHING_BEFORE, Before, Training, fits
from after_ray.adaptation.pseudo_tapt import PseudoLabelObjective, Targets, TargetSearch
from after_ray.adaptation.settings import (
    Adaptation,
    AdaptationSettings,
    PseudoTaptSettings,
    TaptSettings,
    objective_of,
)
from after_ray.backbones.loading import arrays, build, build_for_adaptation, configuration
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import LabelsRead, MissingLabels
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint, State
from after_ray.training.fit import seeded_dropout
from after_ray.training.precision import check_precision
from after_ray.weights import Weights

if TYPE_CHECKING:
    from after_ray.splits.oracle import Oracle


@dataclass(frozen=True)
class Adapted:
    """An adapted backbone.

    Attributes:
        weights: of the backbone alone, ready for `after_ray.backbones.loading.build`.
        heads: what the objective learned or found beside it, ready for `trained_objective`.
        measures: means over the last stretch of the history; `steps`, `audio_seconds`, `masked_frames` and
            `skipped_steps` (fp16's own) of the whole adaptation.
        history: about 50 points, each with `step` and the means since the point before: every term of the
            loss, `masked_share`, and of the gradient norm also the largest.
        details: what else is worth recording: the objective, and the clusters in use.
        resumed: how often the adaptation was killed and went on from a checkpoint.
        seconds_before: wall time up to the checkpoint that it last went on from.
    """

    weights: Weights
    measures: dict[str, float]
    history: list[dict[str, float]] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)
    resumed: int = 0
    seconds_before: float = 0.0
    heads: Weights = field(default_factory=dict)


def adapt(
    settings: AdaptationSettings,
    backbone: BackboneSettings,
    audio: Ragged,
    rows: NDArray[np.int64],
    seeds: SeedTree,
    device: str,
    progress: Progress | None = None,
    checkpoint: Checkpoint = NO_CHECKPOINT,
    oracle: Oracle | None = None,
) -> Adapted:
    """Adapt `backbone` to the utterances `rows` of `audio` (int16 waveforms); no other row is read.

    Losses, masks, optimiser and schedule are those of docs/differences.md, D17 to D21, with the choices of
    `TaptSettings`; or those of `PseudoTaptSettings`, which asks `oracle` for the labels of all rows that it
    uses, and before anything else. A `checkpoint` with the state of a killed adaptation is gone on from, to
    the same bits.

    Raises:
        BadValue: when the device cannot compute in `precision`, or clusters or their layer are not there.
        NoQuantizer: when the objective needs a quantiser that the backbone does not have.
        MissingLabels: when labels are needed and there is no oracle.
        TooFewUtterances: when no row is long enough to mask two of four frames.
        DivergedTraining: when a loss or gradient is not finite.
        CollapsedAdaptation: when the targets, or what is predicted, no longer depend on the audio.
        NoTemporaryRoom: when there is none for the frames that targets are searched in.
    """
    started = time.perf_counter()
    check_precision(settings.precision, device)
    rows = usable(audio, rows, configuration(backbone))
    state = checkpoint.load()
    begun = _fitting(state, device)  # the state of a training whose objective was made
    given = _Given(backbone, audio, rows, seeds, device, started)
    if isinstance(settings, PseudoTaptSettings):
        labels = _revealed(settings, rows, oracle)
        made = _pseudo_tapt(settings, given, labels, state, begun, checkpoint)
    else:
        made = _tapt(settings, given, begun)
    objective = made.objective
    checkpoint = checkpoint.carrying(objective.found(), made.carried)
    journal = Journal(settings, objective, progress)
    training = Training(objective.to(device).train(), settings, device, journal, started, made.before)
    with seeded_dropout(objective, seeds.child("dropout")):
        if begun is not None:
            training.load(begun)
        del state, begun  # as large as three networks
        batches = Batches(objective, audio, rows, seeds, device)
        with closing(ahead(batches.after(training.place))) as prepared:
            for batch in itertools.islice(prepared, settings.steps - training.step):
                training.update(batch)
                if checkpoint.due:
                    training.save(checkpoint)
    return made.adapted(journal, training)


def _fitting(state: State | None, device: str) -> State | None:
    """The state of a checkpoint if it can be gone on from here."""
    return state if state is not None and fits(state.values, device) else None


@dataclass(frozen=True)
class _Given:
    """What every objective is made of, and when this process began (`time.perf_counter`)."""

    backbone: BackboneSettings
    audio: Ragged
    rows: NDArray[np.int64]
    seeds: SeedTree
    device: str
    started: float


@dataclass(frozen=True)
class _Made:
    """An objective before its training, and what else is worth recording, or to be carried in checkpoints."""

    objective: Objective
    details: dict[str, object] = field(default_factory=dict)
    carried: dict[str, object] = field(default_factory=dict)
    before: Before = NOTHING_BEFORE

    def adapted(self, journal: Journal, training: Training) -> Adapted:
        """What came of it when it was trained."""
        return Adapted(
            arrays(self.objective.backbone),
            journal.measures(),
            journal.history,
            {**self.objective.details(), **self.details},
            training.resumed,
            training.seconds_before,
            self.objective.heads(),
        )


def _tapt(settings: TaptSettings, given: _Given, begun: State | None) -> _Made:
    """The objective with its new weights, and with the clusters of a checkpoint where there are some."""
    seeds = given.seeds
    if objective_of(settings, given.backbone) == "quantizer":
        model = build_for_adaptation(given.backbone)
        return _Made(QuantizerObjective(model, settings, seeds.child("tokens").torch()))
    network = build(given.backbone).to(given.device)
    labels = None if begun is None else ClusterObjective.kept_labels(begun.arrays)
    if labels is None:
        labels = label_frames(network, given.audio, given.rows, settings, seeds.child("labels"), given.device)
    return _Made(ClusterObjective(network, labels, settings, seeds.child("clusters").torch()))


def _pseudo_tapt(
    settings: PseudoTaptSettings,
    given: _Given,
    labels: NDArray[np.int64],
    state: State | None,
    begun: State | None,
    checkpoint: Checkpoint,
) -> _Made:
    """The objective with its new weights, on targets that are searched for unless a training has begun."""
    seeds = given.seeds
    network = build(given.backbone).to(given.device)
    if begun is None:
        search = TargetSearch(
            settings, given.audio, given.rows, labels, seeds.child("targets"), given.device, given.started
        )
        targets = search.run(network, state, checkpoint)
    else:
        targets = Targets.kept(begun)
    generator = seeds.child("codebooks").torch()
    objective = PseudoLabelObjective(network, targets.labels, targets.clusters, settings, generator)
    return _Made(objective, {"emotions": targets.emotions}, targets.found(), targets.before)


def _revealed(settings: Adaptation, rows: NDArray[np.int64], oracle: Oracle | None) -> NDArray[np.int64]:
    if oracle is None:
        raise MissingLabels(settings.name)
    return oracle.reveal(rows)


def trained_objective(
    settings: AdaptationSettings, backbone: BackboneSettings, weights: Weights | None, heads: Weights
) -> Objective:
    """The objective of an adaptation as it ended, or that of pre-training, in evaluation mode.

    Args:
        settings: of the adaptation; of one that never was, what the objective would be.
        backbone: what was adapted.
        weights: of the adapted backbone; None takes backbone and heads from the files, or draws both.
        heads: what `adapt` gave beside the weights.

    Raises:
        LabelsRead: of an adaptation that has read labels: its frame losses are not to be asked for.
    """
    if not isinstance(settings, TaptSettings):
        raise LabelsRead(settings.name)
    unused = SeedTree(0).torch()  # what is drawn here is overwritten, or read by no frame loss
    objective: Objective
    if objective_of(settings, backbone) == "quantizer":
        objective = QuantizerObjective(build_for_adaptation(backbone), settings, unused)
    else:
        labels = ClusterObjective.kept_labels(heads)
        if labels is None:
            raise ValueError("the clusters of the frames are not among the heads")
        objective = ClusterObjective(build(backbone, weights), labels, settings, unused)
    if weights is not None:
        objective.load(weights, heads)
    return objective.eval()
