"""The names in a request: MLflow drops those that it does not know, and answers as if nothing were wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sweeps.serving.inputs import ALLOWED, AUDIO, RATE, SAMPLES

PARAMS = "params"
RECORDS, SPLIT = "dataframe_records", "dataframe_split"
FORMS = (RECORDS, SPLIT, "instances", "inputs")  # of inputs, as MLflow reads them
WINDOW, HOP = "window", "hop"
UNREADABLE = 'The request cannot be read; allowed: JSON as {"dataframe_records": [{"audio": BASE64}]}.'
LONGEST_NAME = 40  # characters


def refusal_of(body: bytes) -> str | None:
    """Why the names in a request cannot be meant; None where they can."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(said, dict):
        return UNREADABLE
    if strange := _strange(said, (*FORMS, PARAMS)):
        return f"The request has {strange}; allowed: '{RECORDS}' with the inputs, and '{PARAMS}'."
    return _of_params(said.get(PARAMS)) or _of_inputs(said)


def _of_params(params: Any) -> str | None:
    if params is None:
        return None
    if not isinstance(params, dict) or (strange := _strange(params, (WINDOW, HOP))):
        found = strange if isinstance(params, dict) else "no names"
        return f"'{PARAMS}' of the request has {found}; allowed: '{WINDOW}' and '{HOP}', in seconds."
    for name, value in params.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            shown = repr(value)[:LONGEST_NAME]
            return f"'{name}' in '{PARAMS}' is {shown}; allowed: seconds, more than 0, or leave it out."
    return None


def _of_inputs(said: Mapping[str, Any]) -> str | None:
    for form in FORMS:
        for place, names in enumerate(_names(form, said.get(form))):
            if strange := _strange(names, (AUDIO, SAMPLES, RATE)):
                which = f"Input {place}" if form != SPLIT else f"'{form}'"
                return f"{which} has {strange}; allowed: {ALLOWED}."
    return None


def _names(form: str, value: Any) -> list[Iterable[Any]]:
    """Names in each input, or of all of them where they come as columns."""
    if form == SPLIT:
        columns = value.get("columns") if isinstance(value, dict) else None
        return [columns] if isinstance(columns, list) else []
    if isinstance(value, dict):
        return [value]
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _strange(names: Iterable[Any], known: Iterable[str]) -> str:
    found = [repr(name)[:LONGEST_NAME] for name in names if name not in known]
    return ", ".join(found[:3])
