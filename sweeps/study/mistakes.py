"""What is wrong with a value, as a clause for a sentence."""

from __future__ import annotations

from typing import Any

_OWN_SENTENCE = {
    "own_classifier",
    "search",
    "label",
    "unlabelled",
    "unknown_key",
    "range",
    "repeated",
    "strategy",
    "order",
    "ratios",
    "backbone",
    "reference",
    "replay",
    "empty",
    "of",
    "parts",
}


def mistake_in_words(error: Any) -> str:
    """One entry of `ValidationError.errors()` as a clause that says what is allowed."""
    context = error.get("ctx", {})
    if error["type"] == "missing":
        return "this key is missing; add it"
    if error["type"] == "union_tag_invalid":
        none = "none, " if error["loc"][:1] == ("adaptation",) else ""
        return (
            f"unknown name '{context['tag']}'; allowed: {none}{context['expected_tags'].replace(chr(39), '')}"
        )
    if error["type"] == "union_tag_not_found":
        return "a 'name:' is missing; add it"
    if error["type"] == "too_short":
        return "the list is empty; name at least one"
    if error["type"] == "string_pattern_mismatch":
        return (
            f"{error['input']!r} is no name; use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    if error["loc"][:1] == ("fold",) and error["type"] in {"literal_error", "greater_than_equal"}:
        return f"a fold is 'all', a number from 0 on, or a range such as 0..4, not {error['input']!r}"
    value = error.get("input")
    message = error["msg"][:1].lower() + error["msg"][1:]
    plain = isinstance(value, str | int | float | bool) and error["type"] not in _OWN_SENTENCE
    return f"{message}, not {value!r}" if plain else message
