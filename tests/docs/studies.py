"""YAML of the pages as studies: whole ones as they are, parts of one put into a minimal study."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from tests.after_ray.tiny import TINY

TOP = re.compile(r"^(?P<key>[a-z_]+):", re.MULTILINE)
ON_BACKBONES = ("pooled_transformer", "w2v2_l_r_12")
MINIMAL: dict[str, Any] = {
    "study": "minimal",
    "corpus": {"name": "synthetic", "speakers": 6, "sentences": 5},
    "classifier": "functionals",
    "strategy": ["random", "entropy"],
    "initialization": ["random", "clustering"],
    "schedule": [10, 20, 40, 60, 80, 100],
}


def studies_in(text: str) -> Iterator[str]:
    """The studies that a block of YAML means.

    A block with `study:` is one. Any other is part of a study, and a key that it has several times stands for
    alternatives: one study for each, with the keys that it has once.
    """
    if re.search(r"^study:", text, re.MULTILINE):
        yield text
        return
    entries = _entries(text)
    often = Counter(key for key, _ in entries)
    common = [entry for key, entry in entries if often[key] == 1]
    several = [entry for key, entry in entries if often[key] > 1]
    for alternative in several or [""]:
        yield completed(yaml.safe_load("".join([*common, alternative])))


def _entries(text: str) -> list[tuple[str, str]]:
    places = [found.start() for found in TOP.finditer(text)]
    assert places, f"no key of a study in {text!r}"
    ends = [*places[1:], len(text)]
    return [
        (text[start:end].partition(":")[0], text[start:end]) for start, end in zip(places, ends, strict=True)
    ]


def completed(part: dict[str, Any]) -> str:
    """A minimal study with this part; one that speaks of backbones has a classifier that stands on one."""
    asks = str(part.get("strategy", "")) + str(part.get("adaptation", ""))
    if "classifier" not in part and (
        {"backbone", "frame_losses", "adaptation"} & part.keys() or "draws" in asks or "alps" in asks
    ):
        part = {"classifier": "pooled_transformer", **part}
    named = [one if isinstance(one, str) else one["name"] for one in _listed(part.get("classifier", []))]
    if "backbone" not in part and any(name in ON_BACKBONES for name in named):
        part = {"backbone": {"config": TINY}, **part}
    if "rh_emo" in named and "schedule" not in part and "supervised" not in str(part):
        part = {"schedule": [100], **part}
    return yaml.safe_dump(MINIMAL | part, sort_keys=False)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def loaded(text: str, folder: Path) -> Study:
    """The study, validated; what is no setting any more is refused in a sentence."""
    path = folder / "study.yaml"
    path.write_text(text)
    return load_study(path)
