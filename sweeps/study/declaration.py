"""A study as it is declared: a frozen, typed model of its file, validated with the place of every mistake."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from after_ray.acquisition import of_mapping, parse, write
from after_ray.adaptation.settings import AdaptationSettings, FrameLossSettings
from after_ray.annotation import CORPUS, AnnotationSettings, noise_text
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings, needs_backbone
from after_ray.corpora._settings import CorpusSettings, UnlabelledSettings
from after_ray.errors import AfterRayError, UnlabelledCorpus
from after_ray.initialization._settings import InitializationSettings
from after_ray.learning.settings import Restart
from after_ray.protocol import Protocol
from after_ray.settings import Settings
from sweeps.study.annotations import refuse_unannotated_labels, refuse_unheard
from sweeps.study.axes import Seed, as_list, folds, in_percent, integers, unique
from sweeps.study.evidence import refuse_evidence_not_given
from sweeps.study.families import ComparisonFamily
from sweeps.study.gpu_models import GPU_MODELS, is_known
from sweeps.study.labels import refuse_unbought_labels
from sweeps.study.parts import PART_AXES, PartMistake, together, with_parts
from sweeps.study.replays import REPLAY, Replayed, is_replay
from sweeps.study.search.settings import Search, SelectedFrom


def named(value: Any) -> Any:
    """A list of settings in which a bare name is short for `{name: ...}`."""
    return [{"name": item} if isinstance(item, str) else item for item in as_list(value)]


def adaptations(value: Any) -> Any:
    """Like `named`; `none` is no adaptation, and one without a name is TAPT."""
    items = [None if item in ("none", None) else item for item in as_list(value)]
    mapped = [{"name": item} if isinstance(item, str) else item for item in items]
    return [{"name": "tapt", **item} if isinstance(item, dict) else item for item in mapped]


def _needing(*classifiers: str) -> str:
    """The beginning of a sentence on what classifiers need."""
    if len(classifiers) == 1:
        return f"the classifier {classifiers[0]} needs"
    return f"the classifiers {', '.join(classifiers)} need"


def _strategy(value: Any) -> Any:
    """One line of text, also of a mapping `{name: power, over: entropy}`."""
    if not isinstance(value, str | dict):
        raise PydanticCustomError(
            "strategy", "a strategy is a name or a mapping with one, not {value}", {"value": repr(value)}
        )
    if isinstance(value, dict) and isinstance(over := value.get("over"), dict) and over.get("name") == REPLAY:
        raise PydanticCustomError(
            "replay",
            "'{strategy}' goes over a replay, which judges nothing; name the replay alone",
            {"strategy": str(value.get("name"))},
        )
    try:
        return write(parse(value) if isinstance(value, str) else of_mapping(value))
    except AfterRayError as error:
        raise PydanticCustomError("strategy", "{sentence}", {"sentence": str(error)}) from error


Percent = Annotated[float, Field(gt=0, le=100)]
Target = Annotated[float, AfterValidator(in_percent), Field(le=100)]
Noise = Annotated[float, Field(ge=0, lt=1), AfterValidator(lambda noise: noise + 0.0)]  # minus zero is zero
Strategy = Annotated[str, BeforeValidator(_strategy)]


class Resources(Settings):
    """How a trial runs, none of it in a key: processor cores (its thread count), a share of a GPU and its
    model (any by default), seconds between two checkpoints of a training, and whether networks are compiled
    (`torch.compile`).
    """

    cpu: int = Field(default=1, ge=1)
    gpu: float = Field(default=0.0, ge=0)
    gpu_model: str | None = None
    checkpoint_seconds: float = Field(default=300.0, gt=0)
    compile: bool = False

    @field_validator("gpu")
    @classmethod
    def _whole_above_one(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise PydanticCustomError("gpu", "a share of a GPU is at most 1; above that only whole numbers")
        return value

    @field_validator("gpu_model")
    @classmethod
    def _known_to_ray(cls, value: str | None) -> str | None:
        if value is not None and not is_known(value):
            raise PydanticCustomError(
                "gpu_model",
                "'{model}' is no GPU model that Ray knows by this name; allowed: {allowed}, and cards by "
                "their whole name (GeForce-RTX-4090, RTX-A6000)",
                {"model": value, "allowed": ", ".join(GPU_MODELS)},
            )
        return value

    @model_validator(mode="after")
    def _model_of_a_gpu(self) -> Resources:
        if self.gpu_model is not None and self.gpu == 0:
            raise PydanticCustomError(
                "gpu_model",
                "gpu_model {model} is demanded and no GPU (gpu is 0); set gpu, or leave gpu_model out",
                {"model": self.gpu_model},
            )
        return self

    @property
    def of_model(self) -> str:
        """` of model A100`, for sentences; empty where any will do."""
        return f" of model {self.gpu_model}" if self.gpu_model else ""


class Study(Settings):
    """One study: axes (lists), the schedule, and how trials run. Lists may be written as single values.

    The axes are crossed. Of a study with `parts` each part is, and the axes of the whole are those of all.
    """

    study: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name; also of its report folder")
    description: str = ""
    corpus: Annotated[tuple[CorpusSettings, ...], BeforeValidator(named), Field(min_length=1)]
    classifier: Annotated[tuple[ClassifierSettings, ...], BeforeValidator(named), Field(min_length=1)]
    backbone: Annotated[tuple[BackboneSettings, ...], BeforeValidator(named)] = ()
    adaptation: Annotated[tuple[AdaptationSettings | None, ...], BeforeValidator(adaptations)] = (None,)
    frame_losses: FrameLossSettings = FrameLossSettings()
    strategy: Annotated[tuple[Strategy, ...], BeforeValidator(as_list), Field(min_length=1)] = ("random",)
    initialization: Annotated[
        tuple[InitializationSettings, ...],
        BeforeValidator(named),
        Field(min_length=1, validate_default=True),
    ] = "random"  # type: ignore[assignment]
    restart: Annotated[tuple[Restart, ...], BeforeValidator(as_list)] = ()
    annotation: Annotated[tuple[AnnotationSettings, ...], BeforeValidator(named), Field(min_length=1)] = (
        CORPUS,
    )
    label_noise: Annotated[tuple[Noise, ...], BeforeValidator(as_list), Field(min_length=1)] = (0.0,)
    schedule: Annotated[tuple[Percent, ...], BeforeValidator(as_list), Field(min_length=1)]
    ratios: Annotated[tuple[Percent, ...], BeforeValidator(as_list)] = ()
    fold: Annotated[Literal["all", "protocol"] | tuple[Seed, ...], BeforeValidator(folds)] = "protocol"
    seed: Annotated[tuple[Seed, ...], BeforeValidator(integers), Field(min_length=1)] = (0,)
    protocol: Protocol = Protocol()
    resources: Resources = Resources()
    reference: Strategy | None = Field(default=None, description="strategy that others are compared with")
    families: tuple[ComparisonFamily, ...] = Field(
        default=(), description="comparisons that the study claims, declared before it runs; in no key"
    )
    equivalence: float = Field(
        default=1.0, ge=0, le=100, description="points of UA up to which a difference counts as none"
    )
    targets: Annotated[tuple[Target, ...], BeforeValidator(as_list)] = Field(
        default=(), description="UA in percent; the report says what it takes to reach them"
    )
    replays: dict[str, Replayed] = Field(
        default={}, description="by strategy the recording it replays; written as its 'file', in no key"
    )
    parts: tuple[Study, ...] = Field(default=(), description="runs that have some axes otherwise")
    search: Search | None = None
    selected_from: SelectedFrom | None = Field(default=None, description="written by a search, in no key")

    @model_validator(mode="before")
    @classmethod
    def _spell_parts(cls, value: Any) -> Any:
        try:
            return with_parts(value)
        except PartMistake as mistake:
            raise PydanticCustomError("parts", "{sentence}", {"sentence": str(mistake)}) from mistake

    @field_serializer("parts")
    def _own_axes(self, parts: tuple[Study, ...]) -> list[dict[str, Any]]:
        """What a part may say; the rest is the study's."""
        return [part.model_dump(mode="json", include=set(PART_AXES)) for part in parts]

    @field_validator(
        "corpus", "classifier", "adaptation", "strategy", "initialization", "fold", "seed", "restart",
        "annotation",
    )  # fmt: skip
    @classmethod
    def _no_repetition(cls, value: Any) -> Any:
        return value if isinstance(value, str) else unique(value)

    @field_validator("label_noise")
    @classmethod
    def _told_apart(cls, value: Any) -> Any:
        return unique(value, noise_text)

    @field_validator("backbone", "adaptation", "restart", "ratios", "fold")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        if len(value) == 0:
            raise PydanticCustomError("empty", "the list is empty; name something or leave the key out")
        return value

    @field_validator("corpus")
    @classmethod
    def _named_once(cls, value: tuple[CorpusSettings, ...]) -> tuple[CorpusSettings, ...]:
        names = [corpus.title for corpus in value]
        for name in names:
            if names.count(name) > 1:
                raise PydanticCustomError(
                    "repeated",
                    "the corpus {name} is listed twice; tables tell corpora apart by name",
                    {"name": name},
                )
        return value

    @field_validator("corpus")
    @classmethod
    def _labelled(cls, value: tuple[CorpusSettings, ...]) -> tuple[CorpusSettings, ...]:
        for corpus in value:
            if isinstance(corpus, UnlabelledSettings) and not corpus.classes:
                raise PydanticCustomError(
                    "unlabelled", "{sentence}", {"sentence": str(UnlabelledCorpus(corpus.title))}
                )
        return value

    @field_validator("schedule", "ratios")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        for before, after in itertools.pairwise(value):
            if after <= before:
                raise PydanticCustomError(
                    "order",
                    "percents must rise, but {after} follows {before}",
                    {"after": f"{after:g}", "before": f"{before:g}"},
                )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        if self.parts:
            self._take_together()
            unique(self.label_noise, noise_text)  # parts may say alike ones
        else:
            self._check_crossed()
        if self.reference is not None and self.reference not in self.strategy:
            raise PydanticCustomError(
                "reference",
                "the reference '{reference}' is not among the study's strategies {strategies}",
                {"reference": self.reference, "strategies": ", ".join(self.strategy)},
            )
        return self

    def _take_together(self) -> None:
        """The axes of the whole are those of its parts, each of which is checked by itself."""
        learning = [part for part in self.parts if len(part.schedule) > 1]  # others choose by no strategy
        crossed = ("classifier", "backbone", "adaptation", "initialization", "annotation", "label_noise")
        for axis in crossed:
            object.__setattr__(self, axis, together(getattr(part, axis) for part in self.parts))
        object.__setattr__(self, "strategy", together(part.strategy for part in learning or self.parts))
        object.__setattr__(self, "restart", together(part.restarts for part in self.parts))
        for axis, of_part in (("schedule", "schedule"), ("ratios", "reported")):
            percents = together(getattr(part, of_part) for part in self.parts)
            object.__setattr__(self, axis, tuple(sorted(percents)))

    def _check_crossed(self) -> None:
        """Whatever is on one axis meets what is on the others."""
        unscheduled = [f"{ratio:g}" for ratio in self.ratios if ratio not in self.schedule]
        if unscheduled:
            raise PydanticCustomError(
                "ratios",
                "ratios {ratios} are not points of the schedule, and only those can be reported",
                {"ratios": ", ".join(unscheduled)},
            )
        asking = dict.fromkeys(one.name for one in self.classifier if needs_backbone(one))
        if asking and not self.backbone:
            raise PydanticCustomError(
                "backbone",
                "{classifiers} a 'backbone:' (name of a hub model or folder, or config)",
                {"classifiers": _needing(*asking)},
            )
        halves = [name for name, value in self._precisions() if value == "fp16"]
        if halves and self.resources.gpu == 0:
            raise PydanticCustomError(
                "precision",
                "{where} asks for fp16, which needs a GPU; set resources.gpu, or choose bf16 or fp32",
                {"where": halves[0]},
            )
        self._refuse_lost_replays()
        try:
            refuse_evidence_not_given(self.strategy, self.classifier)
            on_backbone = any(needs_backbone(classifier) for classifier in self.classifier)
            adaptations = self.adaptation if on_backbone else ()  # which others do without
            refuse_unbought_labels(self.schedule, self.classifier, adaptations)
            refuse_unannotated_labels(self.annotation, self.label_noise, self.classifier, adaptations)
            refuse_unheard(self.corpus, self.annotation, self.label_noise)
        except AfterRayError as error:
            raise PydanticCustomError("evidence", "{sentence}", {"sentence": str(error)}) from error

    def _refuse_lost_replays(self) -> None:
        for strategy in self.strategy:
            calls = list(parse(strategy).calls())
            if any(call.name == REPLAY for call in calls[1:]):
                raise PydanticCustomError(
                    "replay",
                    "'{strategy}' goes over a replay, which judges nothing; name the replay alone",
                    {"strategy": strategy},
                )
            if is_replay(strategy) and strategy not in self.replays:
                raise PydanticCustomError(
                    "replay",
                    "'{strategy}' names no file; write {name: replay, over: entropy, file: selections.csv}",
                    {"strategy": strategy},
                )
        if self.search is not None and any(map(is_replay, self.strategy)):
            raise PydanticCustomError("replay", "a search replays nothing; take the replay or the search out")

    def _precisions(self) -> Iterator[tuple[str, str]]:
        """Every number format that is asked for, and where."""
        for classifier in self.classifier:
            yield f"the classifier {classifier.name}", classifier.of_passes
        for adaptation in self.adaptation:
            if adaptation is not None:
                yield f"the adaptation {adaptation.name}", adaptation.precision

    @property
    def crossed(self) -> tuple[Study, ...]:
        """The crosses of axes that it consists of: its parts, or itself."""
        return self.parts or (self,)

    @property
    def compared_with(self) -> str:
        """The reference strategy: the study's own choice, else `random` where it is swept, else the first."""
        if self.reference is not None:
            return self.reference
        return "random" if "random" in self.strategy else self.strategy[0]

    @property
    def reported(self) -> tuple[float, ...]:
        """The percents at which results are reported: `ratios`, by default the whole schedule."""
        return self.ratios or self.schedule

    @property
    def folds_wanted(self) -> Literal["all"] | tuple[int, ...]:
        """The fold axis; the protocol's choice unless the study names its own."""
        return self.protocol.fold if self.fold == "protocol" else self.fold

    @property
    def restarts(self) -> tuple[Restart, ...]:
        """The restart axis; the protocol's choice unless the study names its own."""
        return self.restart or (self.protocol.restart,)
