"""Whether what a study claims can be answered by the cells that it plans."""

from __future__ import annotations

from collections.abc import Iterator

from after_ray.errors import BadValue
from sweeps.planning.plan import Plan
from sweeps.study.families import ComparisonFamily


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
    cells = [cell for cell in plan.cells if all(getattr(cell.axes, a) == v for a, v in family.where.items())]
    values: dict[float, set[str]] = {}
    for cell in cells:
        values.setdefault(cell.percent, set()).add(str(getattr(cell.axes, family.compare)))
    reported = [percent for percent, found in sorted(values.items()) if found > {family.against}]
    if not reported:
        raise BadValue("family", family.name, f"more than one {family.compare} among the cells it is about")
    for ratio in family.ratios:
        if ratio not in reported:
            allowed = f"ratios at which cells are compared: {', '.join(f'{one:g}' for one in reported)}"
            raise BadValue("ratios", ratio, allowed, where)


def _named(family: ComparisonFamily) -> Iterator[tuple[str, str]]:
    yield family.compare, family.against
    yield from family.where.items()
