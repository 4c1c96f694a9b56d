"""`{name: replay, over: entropy, file: selections.csv}` in a study: which recording is meant."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from after_ray.acquisition import of_mapping, parse, write
from after_ray.errors import AfterRayError
from after_ray.settings import Settings
from sweeps.study.axes import as_list, in_digits

REPLAY = "replay"
OF_RECORDING = ("file", "where")  # what is of the recording, and no option of the strategy


class Where(Settings):
    """Which of a file's trajectories is meant, by the names that its columns have."""

    method: str | None = None
    adaptation: str | None = None
    initialization: str | None = None
    restart: str | None = None
    annotation: str | None = None
    label_noise: Annotated[str | None, BeforeValidator(in_digits)] = None

    @property
    def named(self) -> dict[str, str]:
        """The columns that are named."""
        return {column: value for column, value in self.model_dump().items() if value is not None}


class Replayed(Settings):
    """Where a `replay` strategy finds what it replays."""

    file: str = Field(min_length=1)
    where: Where = Where()


def is_replay(strategy: str) -> bool:
    """Whether a strategy, as one line of text, replays a recording."""
    return parse(strategy).name == REPLAY


def replayed_strategy(strategy: str) -> str | None:
    """The strategy whose choices are replayed; None where the study leaves that to the file."""
    over = parse(strategy).over
    return None if over is None else write(over)


def with_replays(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of a study with its recordings under `replays`, by the strategies that replay them.

    Also returned is the position in `strategy` that each was taken from; what is no valid strategy stays.
    """
    given = values.get("strategy")
    if not isinstance(given, list | dict):
        return values, {}
    strategies, replays, positions = list(as_list(given)), dict(values.get("replays") or {}), {}
    for position, item in enumerate(strategies):
        if not isinstance(item, dict) or item.get("name") != REPLAY or not {*OF_RECORDING} & item.keys():
            continue
        try:
            line = write(of_mapping({key: item[key] for key in item if key not in OF_RECORDING}))
        except AfterRayError:
            continue
        strategies[position] = line
        replays[line] = {key: item[key] for key in OF_RECORDING if key in item}
        positions[line] = position
    return ({**values, "strategy": strategies, "replays": replays}, positions) if positions else (values, {})
