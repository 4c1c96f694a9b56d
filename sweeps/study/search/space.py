"""Search spaces: where a setting is drawn from, as it is written in a study and as Ray Tune knows it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_serializer
from pydantic_core import PydanticCustomError

from after_ray.settings import Settings

Configuration = dict[str, Any]  # dotted path of a setting -> its value


class Range(Settings):
    """Numbers between two bounds, both included for whole numbers; `log`: evenly by their logarithm."""

    kind: Literal["int", "uniform"]
    low: float
    high: float
    log: bool = False

    @property
    def size(self) -> int | None:
        """How many different values there are; None where they cannot be counted."""
        return round(self.high - self.low) + 1 if self.kind == "int" else None

    @property
    def probes(self) -> tuple[Any, ...]:
        """Values that a setting must take if it is to take all: the bounds."""
        return tuple(self.decoded(bound) for bound in (self.low, self.high))

    def decoded(self, drawn: Any) -> Any:
        """A drawn number as the setting's value."""
        return int(drawn) if self.kind == "int" else float(drawn)

    def encoded(self, value: Any) -> Any:
        """The inverse of `decoded`."""
        return value

    def domain(self) -> Any:
        """Ray Tune's own domain."""
        from ray import tune

        if self.kind == "int":
            low, above = int(self.low), int(self.high) + 1
            return tune.lograndint(low, above) if self.log else tune.randint(low, above)
        return tune.loguniform(self.low, self.high) if self.log else tune.uniform(self.low, self.high)

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        bounds = list(self.probes)
        if self.kind == "int":
            return {"int": bounds} | ({"log": True} if self.log else {})
        return {"loguniform" if self.log else "uniform": bounds}


class Choice(Settings):
    """One of a few values of any kind."""

    values: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many different values there are."""
        return len(self.values)

    @property
    def probes(self) -> tuple[Any, ...]:
        """All values."""
        return self.values

    def decoded(self, drawn: str) -> Any:
        """The value that a label stands for: samplers take texts only."""
        return json.loads(drawn)

    def encoded(self, value: Any) -> str:
        """The label of a value."""
        return _label(value)

    def domain(self) -> Any:
        """Ray Tune's own domain, of labels."""
        from ray import tune

        return tune.choice([_label(value) for value in self.values])

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"choice": list(self.values)}


Parameter = Range | Choice
FORMS = "{choice: [...]}, {uniform: [low, high]}, {loguniform: [low, high]} or {int: [low, high], log: true}"


def size_of(space: Mapping[str, Parameter]) -> int | None:
    """How many different configurations a space has; None where they cannot be counted."""
    sizes = [each.size for each in space.values()]
    counted = [size for size in sizes if size is not None]
    return math.prod(counted) if len(counted) == len(sizes) else None


def label_of(configuration: Configuration) -> str:
    """A text that two configurations share only if they are the same."""
    return json.dumps(configuration, sort_keys=True)


def parameter(value: Any) -> Any:
    """One entry of a space from what a study says of it."""
    if isinstance(value, Range | Choice):
        return value
    named = set(value) - {"log"} if isinstance(value, dict) else set()
    if len(named) != 1 or not named <= {"choice", "uniform", "loguniform", "int"}:
        raise _mistake(f"{value!r} is no search space; allowed: {FORMS}")
    (form,) = named
    if form == "choice":
        return _choice(value[form], value.get("log"))
    return _range(form, value[form], value.get("log", form == "loguniform"))


def _choice(values: Any, log: Any) -> Choice:
    if log is not None:
        raise _mistake("'log' goes with int only; leave it out")
    if not isinstance(values, list | tuple) or not values:
        raise _mistake(f"a choice is a list of values, not {values!r}")
    try:
        labels = [_label(value) for value in values]
    except TypeError as error:
        raise _mistake(f"a choice lists plain values ({error})") from error
    for index, label in enumerate(labels):
        if label in labels[:index]:
            raise _mistake(f"{values[index]!r} is listed twice")
    return Choice(values=tuple(values))


def _range(form: str, bounds: Any, log: Any) -> Range:
    low, high = _bounds(form, bounds)
    if not isinstance(log, bool) or (form == "uniform" and log) or (form == "loguniform" and not log):
        raise _mistake("'log: true' goes with int only; write loguniform for numbers that are not whole")
    if low >= high:
        raise _mistake(f"the bounds must rise, but {high:g} follows {low:g}")
    if log and low <= 0:
        raise _mistake(f"a logarithm needs bounds above 0, not {low:g}")
    return Range(kind="int" if form == "int" else "uniform", low=low, high=high, log=log)


def _bounds(form: str, bounds: Any) -> tuple[float, float]:
    try:
        if isinstance(bounds, str | dict) or any(isinstance(bound, bool) for bound in bounds):
            raise TypeError
        low, high = (float(bound) for bound in bounds)  # YAML takes 1e-5 for a text
    except (TypeError, ValueError) as error:
        raise _mistake(f"{form} takes two numbers, [low, high], not {bounds!r}") from error
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _mistake(f"{form} takes finite numbers, not {bounds!r}")
    if form == "int" and not (low.is_integer() and high.is_integer()):
        raise _mistake(f"int takes whole numbers, not {bounds!r}")
    return low, high


def _label(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _mistake(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("search", "{sentence}", {"sentence": sentence})
