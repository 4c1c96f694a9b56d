"""Families of comparisons as a study declares them, before it runs: what it claims, corrected together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from after_ray.errors import BadValue
from after_ray.settings import Settings
from sweeps.study.axes import as_list

if TYPE_CHECKING:
    from sweeps.planning.plan import Plan

Compared = Literal["strategy", "initialization", "adaptation", "method", "restart"]
Held = Literal["corpus", "method", "adaptation", "strategy", "initialization", "restart"]


class ComparisonFamily(Settings):
    """One family: all values of an axis against one of them, at some ratios, corrected together by Holm.

    Attributes:
        name: for people.
        compare: the axis.
        against: the value of it that all others are compared with.
        ratios: reported percents; all where empty.
        where: only cells with these values of other axes.
        metric: what is compared.
    """

    name: str = Field(min_length=1, max_length=80)
    compare: Compared
    against: str
    ratios: Annotated[tuple[float, ...], BeforeValidator(as_list)] = ()
    where: Mapping[Held, str] = Field(default_factory=dict)
    metric: Literal["ua", "wa", "macro_f1"] = "ua"


def digest_of(families: tuple[ComparisonFamily, ...]) -> str:
    """What families of comparisons are told apart by, whatever order they are written in."""
    texts = sorted(json.dumps(family.model_dump(mode="json"), sort_keys=True) for family in families)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def check_families(families: tuple[ComparisonFamily, ...], plan: Plan) -> None:
    """Refuse a family that speaks of what the study does not have.

    Raises:
        BadValue: that names the value, and those that the study has.
    """
    names = [family.name for family in families]
    for name in names:
        if names.count(name) > 1:
            raise BadValue("families", name, "a name of its own for every family")
    for family in families:
        _check(family, plan)


def _check(family: ComparisonFamily, plan: Plan) -> None:
    where = f"family '{family.name}'"
    if family.compare in family.where:
        raise BadValue("where", family.compare, "axes other than the one that is compared", where)
    for axis, value in _named(family):
        found = sorted({str(getattr(cell.axes, axis)) for cell in plan.cells})
        if value not in found:
            raise BadValue(axis, value, f"what the study has: {', '.join(found)}", where)
    reported = plan.study.reported
    for ratio in family.ratios:
        if ratio not in reported:
            allowed = f"reported ratios: {', '.join(f'{one:g}' for one in reported)}"
            raise BadValue("ratios", ratio, allowed, where)
    cells = [cell for cell in plan.cells if all(getattr(cell.axes, a) == v for a, v in family.where.items())]
    others = {getattr(cell.axes, family.compare) for cell in cells} - {family.against}
    if not others:
        raise BadValue("family", family.name, f"more than one {family.compare} among the cells it is about")


def _named(family: ComparisonFamily) -> Iterator[tuple[str, str]]:
    yield family.compare, family.against
    yield from family.where.items()
