"""A finished adaptation as a folder that studies and plain transformers load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from after_ray.backbones.identity import model_type, provenance
from after_ray.backbones.origin import Began, Origin, Trained
from after_ray.backbones.settings import BackboneSettings
from after_ray.backbones.writing import write_backbone
from after_ray.execution.adaptation import HEADS_FILE, WEIGHTS_FILE
from after_ray.stages import AdaptationStage
from after_ray.store import Record, Store
from after_ray.weights import Weights

# Heads of pre-training: what the objective with a quantiser calls them, and what transformers does.
_HEADS = {
    "quantizer.": "quantizer.",
    "project_context.": "project_hid.",
    "project_target.": "project_q.",
}


def export_adapted(
    stage: AdaptationStage, store: Store, out: Path, study: str, audio: Sequence[str], seconds: float
) -> Origin:
    """Write the backbone of a finished adaptation to `out`, and where it comes from.

    Args:
        stage: the adaptation.
        store: where its weights are.
        out: a folder that is not there yet, or the same.
        study: its name, for people.
        audio: digests of the recordings that it heard, as the manifest has them.
        seconds: of them together.

    Raises:
        DamagedStore: when it is not finished, or its weights are gone.
        OccupiedFolder: when something else is at `out`.
    """
    record = store.need(stage.key)
    heads = _heads(store, record)
    heard = record.measures.get("audio_seconds")
    trained = Trained(
        study=study,
        corpus=stage.audio.corpus,
        manifest=stage.audio.manifest,
        fold=stage.fold.index,
        seed=stage.seed,
        key=stage.key,
        adaptation=stage.adaptation.meaning(),
        audio=tuple(sorted(audio)),
        seconds=seconds,
        heard_seconds=None if heard is None else float(heard),
        labels=stage.adaptation.needs_all_labels,
    )
    before = stage.backbone.origin

    def origin(identity: str) -> Origin:
        began = _began(stage.backbone) if before is None else before.began
        trainings = (trained,) if before is None else (*before.trainings, trained)
        return Origin(identity=identity, began=began, trainings=trainings, heads=heads is not None)

    return write_backbone(out, stage.backbone, store.arrays(record, WEIGHTS_FILE), heads, origin)


def _began(backbone: BackboneSettings) -> Began:
    if backbone.name is None:
        return Began(random=True, model_type=model_type(backbone))
    return Began(random=False, **provenance(backbone))


def _heads(store: Store, record: Record) -> Weights | None:
    """Those of pre-training with a quantiser; None of another objective, or of one that kept none."""
    if HEADS_FILE not in record.files:
        return None
    kept = store.arrays(record, HEADS_FILE)
    named = {
        new + name.removeprefix(old): value
        for name, value in kept.items()
        for old, new in _HEADS.items()
        if name.startswith(old)
    }
    return named or None
