"""The work of records that no plan at hand asks for: read from what they mean and what they measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from after_ray.adaptation.settings import AdaptationSettings, Objective, TaptSettings
from after_ray.backbones.families import DEFAULT_FAMILY, FAMILIES
from after_ray.backbones.operations import Shape, shape_of
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import AfterRayError, DamagedStore
from after_ray.store import Record, Store
from sweeps.cost.clips import Clips
from sweeps.cost.work import (
    NO_WORK,
    Group,
    Method,
    Phase,
    Work,
    adaptation_work,
    passes_of,
    round_work,
)

FRAMES_PER_SECOND = 50.0  # of the published front ends
USUAL_CLIP = 4.0  # seconds; only attention, a twentieth of the work, depends on it
_ADAPTATIONS: TypeAdapter[AdaptationSettings] = TypeAdapter(AdaptationSettings)
_CLASSIFIERS: TypeAdapter[ClassifierSettings] = TypeAdapter(ClassifierSettings)


class Foreign:
    """Reads records and what they rest on, each once.

    Args:
        store: where they are.
        backbones: whose sizes are known; a record names a backbone by its identity alone.
    """

    def __init__(self, store: Store, backbones: Iterable[BackboneSettings]) -> None:
        self._store = store
        whole = [backbone.model_copy(update={"layers": None}) for backbone in backbones if backbone.identity]
        self._shapes = {backbone.identity: shape_of(backbone) for backbone in whole}
        self._records: dict[str, Record | None] = {}

    def works(self, keys: Sequence[str], most: int) -> Iterator[tuple[Record, Work]]:
        """Records and their work: of some of `keys`, and of what these rest on; `most` reads or few more."""
        told: set[str] = set()
        for key in keys:
            if len(self._records) >= most:
                return
            record = self._find(key)
            for one in () if record is None else (record, *self._foundations(record)):
                if one.key not in told:
                    told.add(one.key)
                    yield from self._with_work(one)

    def _find(self, key: str) -> Record | None:
        if key not in self._records:
            self._records[key] = self._readable(key)
        return self._records[key]

    def _readable(self, key: str) -> Record | None:
        """A damaged record of another study tells nothing, and keeps nobody from planning."""
        try:
            return self._store.find(key)
        except DamagedStore:
            return None

    def _foundations(self, record: Record) -> Iterator[Record]:
        """The features and the adaptation that a round rests on."""
        first = self._first(record)
        for name in ("features", "adapted") if first is not None else ():
            key = first.meaning.get(name) if first is not None else None
            found = self._find(key) if key else None
            if found is not None:
                yield found

    def _first(self, record: Record) -> Record | None:
        """Round 0 of a round's chain; None of another stage, or where a record is missing."""
        if record.kind != "round":
            return None
        current: Record | None = record
        while current is not None and "previous" in current.meaning:
            current = self._find(current.meaning["previous"])
        return current

    def _with_work(self, record: Record) -> Iterator[tuple[Record, Work]]:
        """Nothing for a record that an earlier version wrote in other words, or of an unknown backbone."""
        makers = {"round": self._round, "adaptation": self._adaptation, "features": self._features}
        maker = makers.get(record.kind)
        try:
            work = () if maker is None else maker(record)
        except (ValidationError, KeyError, TypeError, AfterRayError):
            return
        if work:
            yield record, work

    def _shape(self, meaning: Mapping[str, Any] | None) -> Shape | None:
        if meaning is None:
            return None
        whole = Shape.of(meaning["config"]) if "config" in meaning else self._shapes[meaning["identity"]]
        return replace(whole, layers=meaning["layers"]) if "layers" in meaning else whole

    def _round(self, record: Record) -> Work:
        first = self._first(record)
        if first is None:
            return ()
        features = self._find(first.meaning["features"])
        if features is None:
            return ()
        classifier = _CLASSIFIERS.validate_python(dict(first.meaning["classifier"]))
        measures: Mapping[str, Any] = record.measures
        clip = _mean_clip(features)
        labelled, pool = measures["labelled"], measures["train"] - measures["labelled"]
        strategy = record.meaning.get("strategy")
        return round_work(
            Method.with_shape(classifier, self._shape(first.meaning["backbone"])),
            clip.number(labelled),
            clip.number(pool + len(record.details["acquired"])),
            (clip.number(measures["validation_used"]), clip.number(measures["test"])),
            passes_of(strategy) if strategy else 0,
            NO_WORK if "replayed" in first.meaning else strategy or first.meaning["initialization"]["name"],
        )

    def _adaptation(self, record: Record) -> Work:
        settings = _ADAPTATIONS.validate_python(dict(record.meaning["adaptation"]))
        shape = self._shape(record.meaning["backbone"])
        if shape is None:
            return ()
        measures: Mapping[str, Any] = record.measures
        count = measures["audio_seconds"] / measures["steps"] / USUAL_CLIP
        step = Clips(count, USUAL_CLIP, USUAL_CLIP**2)
        objective = _objective(settings, record.details["backbone"]["model_type"])
        return (adaptation_work(settings, objective, shape, step, Clips(0, 0.0, 0.0)),)

    def _features(self, record: Record) -> Work:
        made = record.meaning["features"]
        if made["kind"] != "front_end":  # the length of the audio is not in the record
            return ()
        shape = self._shape(made["backbone"])
        if shape is None:
            return ()
        operations = 2 * shape.front_end * _mean_clip(record).total
        return (Phase("total", operations, Group("make front_end", "", shape)),)


def _objective(settings: AdaptationSettings, family: str) -> Objective:
    """What an adaptation learned of a backbone of this family."""
    if not isinstance(settings, TaptSettings):
        return "pseudo_labels"
    if settings.objective != "of_backbone":
        return settings.objective
    return "quantizer" if FAMILIES.get(family, FAMILIES[DEFAULT_FAMILY]).quantizer else "clusters"


def _mean_clip(features: Record) -> Clips:
    """The clips of a corpus by their features; those of features that do not tell are of usual length."""
    measures: Mapping[str, Any] = features.measures
    count, frames = measures["utterances"], measures["frames"]
    of_audio = features.meaning["features"]["kind"] == "front_end"
    seconds = frames / count / FRAMES_PER_SECOND if of_audio else USUAL_CLIP
    return Clips(count, seconds, seconds**2)
