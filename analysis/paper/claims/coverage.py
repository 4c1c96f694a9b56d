"""What a claim has to be asked of to be confirmed: every value that it names, and at least two of "every"."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product

from analysis.families import Family, label, percent_text
from analysis.paper.claims.declared import AxisContrast, AxisName, BestContrast

FEWEST = 2  # of "every strategy" and of "every labelled share": one of them is no "every"
_LISTED = 4  # names of comparisons that a sentence bears; their lines in the CSV name them all
_SHARES = ("labelled shares at which the two differ", "a second labelled share at which the two differ")
Named = Mapping[AxisName, tuple[str, ...]]


def lacking_of_axis(contrast: AxisContrast, compared: Sequence[Family]) -> list[str]:
    """What candidates with a reference beside them lack on the axes whose values all have to agree."""
    pair = f"{contrast.axis} {contrast.candidate} beside {contrast.reference}"
    named = {axis: values for axis, values in contrast.where.items() if axis in contrast.over}
    there = {_values(family, named) for family in compared}
    lacking = [f"{pair} for {_words(values)}" for values in _all_of(named) if values not in there]
    unnamed = [axis for axis in contrast.over if axis not in named]
    return lacking + [f"{pair} for a second {axis}" for axis in unnamed if _few(compared, axis)]


def lacking_of_best(contrast: BestContrast, family: Family, others: Sequence[Family]) -> list[str]:
    """What the others lack: those that the claim names; where it names none, a second value on every axis."""
    field = [family, *others]
    if contrast.among:
        there = {_values(one, contrast.among) for one in field}
        return [_words(values) for values in _all_of(contrast.among) if values not in there]
    lacking = [f"a second {axis}" for axis in contrast.values if _few(field, axis)]
    return lacking or (["a second one beside it"] if len(others) < FEWEST else [])


def lacking_shares(compared: Mapping[str, Collection[float]]) -> list[str]:
    """What comparisons lack, given by name and ratios: at a single one there is no curve and no "every"."""
    return [f"{_SHARES[len(at)]}{name and f', {name}'}" for name, at in compared.items() if len(at) < FEWEST]


def in_words(compared: Mapping[str, Collection[float]]) -> str:
    """Which comparisons were made at which ratios: `random; entropy at 5 %, 20 %`."""
    alike: dict[tuple[float, ...], list[str]] = {}
    for name, at in compared.items():
        alike.setdefault(tuple(at), []).extend(filter(None, [name]))
    return "; ".join(" ".join(filter(None, (_listed(names), _at(at)))) for at, names in alike.items())


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} comparisons" if len(names) > _LISTED else "; ".join(names)


def _at(percents: Sequence[float]) -> str:
    return f"at {', '.join(map(percent_text, percents))}"


def _few(families: Sequence[Family], axis: AxisName) -> bool:
    return len({getattr(family, axis) for family in families}) < FEWEST


def _values(family: Family, named: Named) -> tuple[tuple[AxisName, str], ...]:
    return tuple((axis, getattr(family, axis)) for axis in named)


def _all_of(named: Named) -> list[tuple[tuple[AxisName, str], ...]]:
    """Every combination of the named values."""
    axes = list(named)
    return [tuple(zip(axes, values, strict=True)) for values in product(*named.values())] if axes else []


def _words(values: Sequence[tuple[AxisName, str]]) -> str:
    family = Family(*[""] * len(Family._fields))._replace(**dict(values))
    return label(family, [axis for axis, _ in values])
