"""`--only`: the part of a study that a command is about, chosen by axis."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields

from pydantic_core import PydanticCustomError

from after_ray.errors import AfterRayError
from sweeps.planning.plan import Plan
from sweeps.planning.trajectories import Axes, Trajectory
from sweeps.study.axes import as_range, in_one_line

AXES = tuple(axis.name for axis in fields(Axes) if axis.name != "pretrained")


class BadSelection(AfterRayError):
    """A selection that chooses nothing, or cannot be read."""

    def __init__(self, text: str, problem: str, allowed: str, option: str = "--only") -> None:
        super().__init__(f"{option} '{text}': {problem}; allowed: {allowed}.")


@dataclass(frozen=True)
class Only:
    """A selection of trajectories: for each named axis the values that are meant. Empty: all of them."""

    text: str = ""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    option: str = "--only"

    @classmethod
    def parse(cls, text: str, option: str = "--only") -> Only:
        """Read `strategy=entropy|margin,fold=2,seed=0..4`; `option` is what mistakes are told of.

        Raises:
            BadSelection: when it is not of that form, or names an axis twice or one that there is not.
        """
        chosen: dict[str, frozenset[str]] = {}
        for part in filter(None, (part.strip() for part in _split(text, ","))):
            axis, separator, values = (word.strip() for word in part.partition("="))
            if not separator or not values:
                raise BadSelection(
                    text, f"'{part}' is not of the form axis=value", "strategy=entropy,fold=2", option
                )
            if axis not in AXES:
                raise BadSelection(text, f"'{axis}' is no axis of a trajectory", ", ".join(AXES), option)
            if axis in chosen:
                raise BadSelection(text, f"'{axis}' is there twice", f"{axis}=one|another", option)
            words = [word.strip() for word in _split(values, "|")]
            listed = (value for word in words for value in _values(text, word, option))
            chosen[axis] = frozenset(in_one_line(value) for value in listed)
        if not chosen:
            raise BadSelection(text, "it names nothing", "strategy=entropy,fold=2", option)
        return cls(text, chosen, option)

    def of(self, plan: Plan) -> Plan:
        """The trajectories of a plan that are meant.

        Raises:
            BadSelection: when none is, or a value is that of no trajectory.
        """
        if not self.chosen:
            return plan
        for axis, values in self.chosen.items():
            there = {_value(trajectory, axis) for trajectory in plan.trajectories}
            unknown = sorted(values - there)
            if unknown:
                raise BadSelection(
                    self.text, f"no trajectory has {axis} '{unknown[0]}'", _listed(there), self.option
                )
        chosen = plan.restricted(self._means)
        if not chosen.trajectories:
            combinations = "each value is there, but no trajectory has all of them"
            raise BadSelection(self.text, combinations, "values that occur together", self.option)
        return chosen

    def _means(self, trajectory: Trajectory) -> bool:
        return all(_value(trajectory, axis) in values for axis, values in self.chosen.items())


@dataclass(frozen=True)
class Keys:
    """A selection of trajectories by their keys; it may choose none."""

    keys: frozenset[str]

    def of(self, plan: Plan) -> Plan:
        """The trajectories of a plan that are meant."""
        return plan.restricted(lambda trajectory: trajectory.key in self.keys)


EVERYTHING = Only()


def _split(text: str, separator: str) -> list[str]:
    """Parts between separators that stand outside parentheses: strategies have options in theirs."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _values(text: str, word: str, option: str) -> list[str]:
    """`3` or `0..4`, both ends included."""
    try:
        numbers = as_range(word)
    except PydanticCustomError as error:
        raise BadSelection(text, error.message(), "0..4, the smaller number first", option) from error
    return [word] if numbers is None else list(map(str, numbers))


def _value(trajectory: Trajectory, axis: str) -> str:
    return str(getattr(trajectory.axes, axis))


def _listed(values: Collection[str]) -> str:
    return ", ".join(sorted(values, key=lambda value: (len(value), value)))
