"""Strategies with options as one line of text: `batchbald(draws=50)`, `power(entropy, exponent=2)`.

The line is the strategy's name in keys, tables and MLflow. Options with their default value are left out of
it, and the others stand in the order of their declaration: one strategy has one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any

import yaml
from pydantic import ValidationError

from after_ray.acquisition._base import Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind
from after_ray.errors import BadStrategy

_NAME = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?")
_BARE = re.compile(r"[\w./+-]+")
OVER = "over"  # the option of a wrapper that is a strategy itself


@dataclass(frozen=True)
class Call:
    """A strategy's name, its options as they were given, and for a wrapper the strategy within."""

    name: str
    over: Call | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether it is a user's own class, named by its path."""
        return ":" in self.name

    def calls(self) -> Iterator[Call]:
        """This one and those within."""
        yield self
        if self.over is not None:
            yield from self.over.calls()


@lru_cache(maxsize=1024)
def parse(text: str) -> Call:
    """Read one line.

    Raises:
        BadStrategy: when it is not of the form `name(strategy, option=value)`.
    """
    reader = _Reader(text)
    call = reader.call()
    reader.end()
    return call


def of_mapping(values: Mapping[str, Any]) -> Call:
    """Of `{name: power, over: entropy, exponent: 2}`, as a study may write it.

    Raises:
        BadStrategy: when it has no name, or the strategy within cannot be read.
    """
    options = {str(key): value for key, value in values.items() if key not in ("name", OVER)}
    name, over = values.get("name"), values.get(OVER)
    if not isinstance(name, str):
        raise BadStrategy(str(dict(values)), "it has no name")
    if over is None:
        return Call(name, None, options)
    return Call(name, of_mapping(over) if isinstance(over, Mapping) else parse(str(over)), options)


def build(call: Call) -> Strategy:
    """The strategy of a call.

    Raises:
        UnknownName: when there is none of that name.
        BadStrategy: when it does not take these options.
    """
    implementation = strategies.resolve(call.name)
    options = dict(call.options)
    if call.over is not None:
        options[OVER] = build(call.over)
    try:
        return _asking_properly(call, implementation(**options))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadStrategy(
            _text(call, call.options), _problem(place, first), _taken(implementation)
        ) from error
    except (TypeError, ValueError) as error:
        raise BadStrategy(_text(call, call.options), str(error), _taken(implementation)) from error


def _asking_properly(call: Call, strategy: Strategy) -> Strategy:
    needs: Any = strategy.needs
    if not isinstance(needs, Set) or not all(isinstance(kind, EvidenceKind) for kind in needs):
        allowed = ", ".join(f"EvidenceKind.{kind.name}" for kind in EvidenceKind)
        raise BadStrategy(call.name, f"its 'needs' are {needs!r}, no set of kinds of evidence", allowed)
    return strategy


def write(call: Call) -> str:
    """The one line of a call.

    Raises:
        UnknownName, BadStrategy: as `build`.
    """
    return _text(call, _changed(build(call), call.options))


def _text(call: Call, options: Mapping[str, Any]) -> str:
    inner = [] if call.over is None else [write(call.over)]
    written = [*inner, *(f"{name}={_scalar(value)}" for name, value in options.items())]
    return f"{call.name}({', '.join(written)})" if written else call.name


def _changed(strategy: Strategy, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from their default."""
    if not is_dataclass(strategy):
        return dict(sorted(given.items()))
    return {
        one.name: getattr(strategy, one.name)
        for one in fields(strategy)
        if one.name != OVER and (one.default is MISSING or getattr(strategy, one.name) != one.default)
    }


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    text = str(value)
    quoted = "'" + text.replace("'", "''") + "'"
    return text if not isinstance(value, str) or (_BARE.fullmatch(text) and _plain(text)) else quoted


def _plain(text: str) -> bool:
    return isinstance(yaml.safe_load(text), str)


def _problem(place: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return "it goes over another strategy, and names none" if place == OVER else f"'{place}' is missing"
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"it has no option '{place}'"
    return f"{place} {error['input']!r}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _taken(implementation: type[Strategy]) -> str:
    if not is_dataclass(implementation):
        return "no options" if implementation.__init__ is object.__init__ else "those of its constructor"
    names = [one.name for one in fields(implementation)]
    return ", ".join(names) or "no options"


class _Reader:
    """Reads one line from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def call(self) -> Call:
        name = self._match(_NAME, "a name")
        if not self._take("("):
            return Call(name)
        over: Call | None = None
        options: dict[str, Any] = {}
        while not self._take(")"):
            if over is not None or options:
                self._need(",")
            found = re.compile(r"(\w+)\s*=").match(self._text, self._skip())
            if found is None:
                if over is not None or options:
                    raise self._bad("a strategy within comes first, and alone")
                over = self.call()
                continue
            self._at = found.end()
            if found.group(1) in options:
                raise self._bad(f"'{found.group(1)}' is there twice")
            options[found.group(1)] = self._value()
        return Call(name, over, options)

    def end(self) -> None:
        if self._skip() < len(self._text):
            raise self._bad(f"'{self._text[self._at :]}' is left over")

    def _value(self) -> Any:
        found = re.compile(r"'(?:[^']|'')*'|[^,()]+").match(self._text, self._skip())
        if found is None:
            raise self._bad("a value is missing")
        self._at = found.end()
        text = found.group().strip()
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise self._bad(f"the value {text} cannot be read") from error

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._skip())
        if found is None:
            raise self._bad(f"{what} is missing")
        self._at = found.end()
        return found.group()

    def _skip(self) -> int:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at

    def _take(self, character: str) -> bool:
        if self._text[self._skip() : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _need(self, character: str) -> None:
        if not self._take(character):
            raise self._bad(f"'{character}' or ')' is missing")

    def _bad(self, problem: str) -> BadStrategy:
        return BadStrategy(self._text, problem)
