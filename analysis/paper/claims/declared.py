"""The claims as `analysis/claims.yaml` declares them, validated."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

FILE = Path(__file__).parents[2] / "claims.yaml"

AxisName = Literal["adaptation", "strategy", "initialization"]
At = Literal["area", "every_ratio"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AxisContrast(_Frozen):
    """One value of an axis against another, everything else equal.

    Attributes:
        over: axes whose values all have to agree; other axes give questions of their own.
        where: only families with these values.
        at: the area under the curve, or every ratio at which the two are different runs.
    """

    kind: Literal["axis"]
    axis: AxisName
    candidate: str
    reference: str
    over: tuple[AxisName, ...] = ()
    where: dict[AxisName, tuple[str, ...]] = {}
    at: At


class BestContrast(_Frozen):
    """The family with these values against all others that differ in the same axes, or those of `among`."""

    kind: Literal["best"]
    values: dict[AxisName, str]
    among: dict[AxisName, tuple[str, ...]] = {}
    at: At


class BaselineContrast(_Frozen):
    """AFTER with few labels against every baseline with all labels, as Table 3 has them."""

    kind: Literal["baselines"]
    metric: Literal["ua", "wa"]


class SaturationContrast(_Frozen):
    """All labels gain less than `margin` (a share) over `percent` of them."""

    kind: Literal["saturates"]
    values: dict[AxisName, str]
    percent: float
    margin: float = Field(gt=0, lt=1)


class StabilityContrast(_Frozen):
    """The variance over seeds at a ratio, of one value of an axis against another."""

    kind: Literal["stability"]
    axis: AxisName
    candidate: str
    reference: str
    percent: float


class LinearTime(_Frozen):
    """A straight line explains at least a share of the variance of charged seconds."""

    kind: Literal["linear_time"]
    values: dict[AxisName, str]
    up_to: float
    explained: float = Field(gt=0, lt=1)


class TimeShare(_Frozen):
    """Charged seconds up to a ratio are at most a share of those with all labels."""

    kind: Literal["time_share"]
    values: dict[AxisName, str]
    percent: float
    at_most: float = Field(gt=0)
    against: Literal["trajectory", "single_shot"]


class NoiseContrast(_Frozen):
    """The share of wrong labels among those acquired up to a ratio, of one value against another.

    Asked of every annotation by single votes: label noise flips independently of the utterance, so that
    every strategy is told as many wrong labels in expectation. A claim holds where the candidate has fewer.
    """

    kind: Literal["noise"]
    axis: AxisName
    candidate: str
    reference: str
    percent: float


Contrast = Annotated[
    AxisContrast
    | BestContrast
    | BaselineContrast
    | SaturationContrast
    | StabilityContrast
    | LinearTime
    | TimeShare
    | NoiseContrast,
    Field(discriminator="kind"),
]


class PaperClaim(_Frozen):
    """One claim of the paper.

    Attributes:
        experiment: E1 to E5 of the reproduction's specification.
        source: where the paper has it.
        sentence: what is claimed, by itself.
        estimand: the number that it is about.
        family: the questions that Holm's correction runs over.
        weights: what it can be asked of: `pretrained` ones only, or `any`.
        scope: what an answer speaks about.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    experiment: Literal["E1", "E2", "E3", "E4", "E5"]
    source: str
    sentence: str
    estimand: str
    contrast: Contrast
    family: str
    weights: Literal["any", "pretrained"]
    scope: str

    @property
    def test(self) -> str:
        """What it is tested by, in words."""
        if self.contrast.kind == "stability":
            return "Nadeau-Bengio on the log-ratios of the folds"
        return "crossed folds × seeds quasi-F and Nadeau-Bengio on fold means, both below .05"


class Claims(_Frozen):
    """All claims; `smallest` is the difference (of UA, of wrong labels) that would matter, as a share."""

    smallest: float = Field(gt=0, lt=1)
    claims: tuple[PaperClaim, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fit_together(self) -> Claims:
        ids = [claim.id for claim in self.claims]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"claims are listed twice: {', '.join(twice)}; give each an id of its own")
        kinds: dict[str, set[bool]] = {}
        for claim in self.claims:
            kinds.setdefault(claim.family, set()).add(claim.contrast.kind == "stability")
        mixed = sorted(family for family, found in kinds.items() if len(found) > 1)
        if mixed:
            raise ValueError(
                f"the families {', '.join(mixed)} mix stability with other claims, whose tests are others; "
                "give stability a family of its own"
            )
        return self


@cache
def declared() -> Claims:
    """The claims of `claims.yaml`, read once."""
    return Claims.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
