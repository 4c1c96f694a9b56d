"""Protocols: named sets of the decisions that the paper leaves open; every one can be overridden."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from after_ray.acquisition import EvidenceKind, Selector
from after_ray.learning.settings import BudgetUnit, FirstRoundSettings, FittingSettings, Restart
from after_ray.settings import Settings
from after_ray.splits._settings import FoldRequest, ValidationRequest

PresetName = Literal["paper", "paper_strict", "official_code"]
Index = Annotated[int, Field(ge=0, strict=True)]


@dataclass(frozen=True)
class Block:
    """Values for a block of a study, found by its name on its axis, where the study does not write them.

    `unless`: keys of the block that, once written, decide what the values would.
    """

    axis: str
    name: str
    values: Mapping[str, Any]
    unless: tuple[str, ...] = ()

    def filled(self, written: Any) -> Any:
        """What a study writes as one block, with the values it leaves open; any other block as it is."""
        is_meant = isinstance(written, dict) and written.get("name") == self.name
        if not is_meant or any(key in written for key in self.unless):
            return written
        return _merged(self.values, written)


@dataclass(frozen=True)
class Preset:
    """What a protocol's name stands for.

    Attributes:
        decisions: settings of the protocol itself.
        blocks: defaults for blocks of the study.
        left_out: clauses on what the preset's model does and a study of this preset does not.
    """

    decisions: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    left_out: tuple[str, ...] = ()


# Numbers are those of the table in docs/architecture.md.
OFFICIAL_CODE = Preset(
    decisions={
        "fold": [1],  # D2: of five sessions the second
        "validation": {"draw": "half_of_test"},  # D3
        "first_round": {"size": 200},  # D6
        "restart": "pretrained",  # D11
        "selector": "official_argpartition",  # D12
        "fitting": {
            "class_weights": "inverse_frequency",  # D13
            "max_epochs": 30,  # D14
            "min_updates": 0,
            "evaluations_per_epoch": 1,
            "keep": "last",
            "batch_size": 64,  # D15
            "drop_last": True,
            "order": "acquired",
            "learning_rate": 1e-4,  # D16
        },
    },
    blocks=(
        Block(  # D8, D9
            "initialization",
            "clustering",
            {"k_min": 3, "k_max": 3, "distance": "cosine", "standardised": False},
        ),
        Block("adaptation", "tapt", {"preset": "official_code"}),  # D17 to D21
        Block("classifier", "pooled_transformer", {"drop_last_frame": True}),  # D23
        Block("corpus", "merged", {"preset": "repo_json"}, unless=("members",)),  # D28
    ),
    left_out=(
        "clips of an adaptation are cut to the shortest of their batch (there: filled up with zeros)",
        "test clips are cut at max_seconds like all others (D5: never)",
        "round 0 is clustered by the mean of the front end (D7: by x-vectors of a speaker model)",
        "the schedule is the study's (D10: 200, 415, 640, 865, 1090 utterances)",
        "class weights count one utterance more per class, and stay finite (D13, D32)",
        "an LSTM that is built and never used is left out, which changes nothing (D24)",
        "no strategy draws by offsets added to the waveform (D25) or sees labels of the pool (D26)",
        "random round 0 is drawn from the whole of train (B4: from its first 4,445 rows)",
        "round 0 is trained on in the order of its choice, not of the pool",
        "the number format is the study's, fitting.precision (official: fp16)",
        "seeds are set (B11)",
    ),
)
PRESETS: dict[str, Preset] = {
    "paper": Preset(),
    # Exactly as long as the paper says, however few updates a small round then has.
    "paper_strict": Preset({"fitting": {"min_updates": 0}}),
    "official_code": OFFICIAL_CODE,
}


# The paper's head has no dropout (D24), and draws of it need some: the least of what is usual.
DROPOUT_HEAD = Block("classifier", "pooled_transformer", {"head_dropout": 0.1})


class Protocol(Settings):
    """The decisions shared by all classifiers of a study (list: docs/architecture.md).

    `fold` and `restart` are the defaults of the study's axes of that name. `selector` says how utterances are
    taken by a strategy's scores. `budget` is what percentages of the schedule are of. `fitting` applies to
    the pooled transformer; other classifiers carry their own schedules (protocol ruling 7).
    """

    preset: PresetName = "paper"
    folds: FoldRequest = FoldRequest()
    validation: ValidationRequest = ValidationRequest()
    fold: Literal["all"] | tuple[Index, ...] = "all"
    first_round: FirstRoundSettings = FirstRoundSettings()
    restart: Restart = "previous"
    selector: Selector = "exact"
    budget: BudgetUnit = "utterances"
    fitting: FittingSettings = FittingSettings()

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, value: Any) -> Any:
        """`paper` is short for `{preset: paper}`; what is written overrides what the preset says."""
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, dict):
            return value
        name = str(value.get("preset", "paper"))
        preset = PRESETS.get(name, Preset())  # an unknown one is refused by its field
        return _merged(preset.decisions, {key: _in_full(key, item) for key, item in value.items()})

    def blocks_for(self, asked: Set[EvidenceKind]) -> tuple[Block, ...]:
        """Defaults for blocks of a study whose strategies ask for such evidence.

        They are `fitting` for whoever follows it, a head with dropout for all strategies where one of them
        draws from it (protocol ruling 8), and those of the preset.
        """
        dropout = (DROPOUT_HEAD,) if EvidenceKind.DROPOUT_DRAWS in asked else ()
        return fitting_block(self.fitting.model_dump()), *dropout, *PRESETS[self.preset].blocks


def fitting_block(fitting: Mapping[str, Any]) -> Block:
    """Settings of `protocol.fitting` as defaults of the only classifier that follows them."""
    return Block("classifier", "pooled_transformer", {"fitting": fitting})


def _in_full(key: str, value: Any) -> Any:
    """Short forms spelled out, so that a preset's other entries of the same block stay."""
    short = {"folds": "scheme", "validation": "draw"}
    return {short[key]: value} if key in short and isinstance(value, str) else value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if both else value
    return result
