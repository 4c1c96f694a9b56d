"""Protocols: named sets of the decisions that the paper leaves open; every one can be overridden."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from after_ray.acquisition import EvidenceKind, Selector
from after_ray.learning.settings import BudgetUnit, FirstRoundSettings, Restart
from after_ray.presets import PRESETS, Block, Preset, PresetName, merged
from after_ray.settings import Settings
from after_ray.splits._settings import FoldRequest, ValidationRequest
from after_ray.training.settings import FittingSettings

Index = Annotated[int, Field(ge=0, strict=True)]


# The paper's head has no dropout (D24), and draws of it need some: the least of what is usual.
DROPOUT_HEAD = Block("classifier", "pooled_transformer", {"head_dropout": 0.1})


class Protocol(Settings):
    """The decisions shared by all classifiers of a study (list: docs/differences.md).

    `fold` and `restart` are the defaults of the study's axes of that name. `selector` says how utterances are
    taken by a strategy's scores. `budget` is what percentages of the schedule are of. `fitting` applies to
    the pooled transformer; other classifiers carry their own schedules.
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
        return merged(preset.decisions, {key: _in_full(key, item) for key, item in value.items()})

    def blocks_for(self, asked: Set[EvidenceKind]) -> tuple[Block, ...]:
        """Defaults for blocks of a study whose strategies ask for such evidence.

        They are `fitting` for whoever follows it, a head with dropout for all strategies where one of them
        draws from it, and those of the preset.
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
