"""Frame losses of a train part: a trial of its own, shared by every trajectory that asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from after_ray.adaptation.frame_losses import frame_losses
from after_ray.adaptation.settings import check_frame_losses
from after_ray.adaptation.tapt import trained_objective
from after_ray.backbones.identity import provenance
from after_ray.environment import Execution, describe
from after_ray.execution.adaptation import adapted_heads, adapted_weights
from after_ray.execution.corpus import open_corpus
from after_ray.execution.folds import open_fold
from after_ray.sources import source_of
from after_ray.splits.tripwire import Tripwire
from after_ray.stages import FrameLossesStage
from after_ray.store import Draft, Record, Store
from after_ray.store.artifacts import save_arrays

LOSSES_FILE = "frame_losses.safetensors"


def compute_frame_losses(
    stage: FrameLossesStage, execution: Execution, progress: Callable[[int, int], None]
) -> Record:
    """How surprising every stretch of every train utterance is to the backbone; no other one is heard.

    Raises:
        NoHeads: when nothing was adapted and the backbone's files lack the heads of its pre-training.
        LostHeads: when the adaptation is from before its heads were kept.
    """
    store = Store(execution.store)
    standing = store.reclaim(stage.key)
    if standing is not None:
        return standing
    started = time.time()
    rows, losses, details = _losses(stage, execution, progress)
    with store.workspace(stage.key) as folder:
        save_arrays(folder / LOSSES_FILE, {"rows": rows, "losses": losses})
        finished = time.time()
        draft = Draft(
            key=stage.key,
            kind=stage.kind,
            meaning=stage.meaning(),
            parents=tuple(needed.key for needed in stage.needs()),
            measures={
                "utterances": len(rows),
                "all_zero": int((losses == 0).all(axis=1).sum()),
                "mean": float(losses[losses > 0].mean()) if (losses > 0).any() else 0.0,
            },
            seconds={"total": finished - started},
            details={
                "corpus": stage.audio.corpus,
                "backbone": provenance(stage.backbone),
                "precision": "fp32",
                "compiled": False,
                **details,
            },
            environment=describe(execution, source_of(stage)),
            started=started,
            finished=finished,
        )
        return store.commit(draft, folder)


def _losses(
    stage: FrameLossesStage, execution: Execution, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, object]]:
    """Rows of train, ascending, their losses, and what is worth recording of the objective."""
    check_frame_losses(stage.settings, stage.backbone, stage.adapted.adaptation if stage.adapted else None)
    weights, heads = adapted_weights(stage.adapted, execution), adapted_heads(stage.adapted, execution)
    objective = trained_objective(stage.objective, stage.backbone, weights, heads)
    corpus = open_corpus(stage.audio, execution)
    parts = open_fold(stage.audio, stage.fold, execution)
    utterances = corpus.manifest.table["utterance"].to_numpy()
    audio, rows = Tripwire(corpus.audio, parts, utterances), np.sort(parts.train)
    with audio.lifted("train", during="the computation of frame losses"):
        losses = frame_losses(
            objective,
            stage.settings,
            audio,
            rows,
            utterances[rows].tolist(),
            execution.resolve_device(),
            progress,
        )
    return rows, losses, objective.details()


def open_frame_losses(stage: FrameLossesStage, execution: Execution) -> NDArray[np.float32]:
    """Frame losses of train, by rising row, shape (train, stretches)."""
    store = Store(execution.store)
    return store.arrays(store.need(stage.key), LOSSES_FILE)["losses"]
