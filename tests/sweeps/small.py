"""A small study of acoustic functionals on a generated corpus, which tests plan and few of them run."""

from __future__ import annotations

from pathlib import Path

import yaml

from sweeps.planning.opening import OpenStudy, open_study

SMALL = {
    "study": "small",
    "corpus": {"name": "synthetic", "speakers": 6, "sentences": 5},
    "classifier": "functionals",
    "strategy": ["random", "entropy"],
    "schedule": [10, 20, 40],
    "fold": 0,
    "protocol": {"preset": "paper", "folds": {"count": 3}},
}


def small_study(folder: Path, *overrides: str, **changed: object) -> OpenStudy:
    """The study with some keys of its file changed, opened in `folder`, where its store is as well."""
    path = folder / f"{changed.get('study', 'small')}.yaml"
    path.write_text(yaml.safe_dump(SMALL | changed))
    return open_study(path, folder / "store", overrides)
