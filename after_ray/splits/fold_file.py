"""Folds as data: one text file that gives the same folds on every machine and with every library version.

First line: `#` and a JSON object that says of which corpus (by the manifest's digest) and how the folds were
made. Then a CSV: utterance, and for each fold the part it is in (train, validation, test or unused).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadFoldFile
from after_ray.files import write_lines
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationSettings
from after_ray.splits.folds import all_folds
from after_ray.splits.leaks import checked
from after_ray.splits.parts import Fold

FORMAT = 1
PARTS = ("train", "validation", "test", "unused")


@dataclass(frozen=True, eq=False)
class FoldTable:
    """All folds of one corpus.

    Attributes:
        corpus: its name, for people.
        manifest: digest of the manifest whose rows the folds number.
        utterances: ids in the manifest's order.
        folds: one per fold index.
        made: how they were made (settings as plain values), for people.
    """

    corpus: str
    manifest: str
    utterances: tuple[str, ...]
    folds: tuple[Fold, ...]
    made: dict[str, Any]

    @classmethod
    def make(cls, manifest: Manifest, folds: FoldSettings, validation: ValidationSettings) -> FoldTable:
        """Cut a corpus."""
        parts = all_folds(manifest, FoldChoice(folds=folds, validation=validation))
        return cls._of(manifest, parts, {"folds": folds.meaning(), "validation": validation.meaning()})

    @classmethod
    def read(cls, path: Path, manifest: Manifest) -> FoldTable:
        """Read a fold file and check that it is of this manifest and leaks nothing.

        Raises:
            BadFoldFile: when it is no fold file, or one of another manifest.
            Leak: when a fold shares what must not be shared.
        """
        made = _head(path, manifest)["made"]
        of_test = made["validation"].get("draw") == "half_of_test"
        mixed = made["folds"].get("scheme") == "utterances"
        folds = tuple(
            checked(replace(_fold(path, index, parts, of_test), shares_speakers=mixed), manifest)
            for index, parts in enumerate(_columns(path, manifest))
        )
        return cls._of(manifest, folds, made)

    @classmethod
    def _of(cls, manifest: Manifest, folds: tuple[Fold, ...], made: dict[str, Any]) -> FoldTable:
        utterances = tuple(manifest.table["utterance"].to_numpy(dtype=object))
        return cls(manifest.corpus, manifest.digest, utterances, folds, made)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over who is in which part; how the folds were made does not matter."""
        hasher = hashlib.sha256(self.manifest.encode())
        for fold in self.folds:
            hasher.update(_codes(fold, len(self.utterances)).tobytes())
        return hasher.hexdigest()

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        write_lines(path, self._lines())

    def _lines(self) -> Iterator[str]:
        head = {"format": FORMAT, "corpus": self.corpus, "manifest": self.manifest, "made": self.made}
        yield "# " + json.dumps(head, sort_keys=True)
        yield ",".join(["utterance", *(f"fold_{fold.index}" for fold in self.folds)])
        names = np.array(PARTS, dtype=object)
        columns = [names[_codes(fold, len(self.utterances))] for fold in self.folds]
        for utterance, *parts in zip(map(_quoted, self.utterances), *columns, strict=True):
            yield ",".join((utterance, *parts))


def _head(path: Path, manifest: Manifest) -> dict[str, Any]:
    """The first line of a fold file of this manifest."""
    try:
        with open(path, encoding="utf-8") as file:
            head = json.loads(file.readline(10_000).removeprefix("#"))
    except OSError as error:
        raise BadFoldFile(path, f"it cannot be opened ({error.strerror})") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadFoldFile(path, "its first line is no '# {...}'") from error
    complete = (
        isinstance(head, dict) and {"corpus", "manifest"} <= head.keys() and head.get("format") == FORMAT
    )
    made = head.get("made") if complete else None
    if not isinstance(made, dict) or not all(isinstance(made.get(k), dict) for k in ("folds", "validation")):
        raise BadFoldFile(path, f"its first line is not of format {FORMAT}")
    if head["manifest"] != manifest.digest:
        raise BadFoldFile(
            path,
            f"it is of corpus '{head['corpus']}' with manifest {str(head['manifest'])[:12]}, "
            f"and '{manifest.corpus}' here has {manifest.digest[:12]}",
        )
    return head


def _columns(path: Path, manifest: Manifest) -> list[NDArray[np.object_]]:
    """The parts of every fold, one array each, in the order of the manifest."""
    try:
        table = pd.read_csv(path, skiprows=1, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadFoldFile(path, f"its table cannot be read ({str(error).splitlines()[0]})") from error
    names = [name for name in table.columns if name != "utterance"]
    if len(names) < 2 or names != [f"fold_{index}" for index in range(len(names))]:
        raise BadFoldFile(
            path, f"its columns are {', '.join(table.columns)}, not utterance, fold_0, fold_1, ..."
        )
    if "utterance" not in table or not table["utterance"].equals(manifest.table["utterance"]):
        raise BadFoldFile(path, "its utterances are not those of the corpus, in their order")
    return [table[name].to_numpy(dtype=object) for name in names]


def _fold(path: Path, index: int, parts: NDArray[np.object_], of_test: bool) -> Fold:
    strange = sorted(set(parts) - set(PARTS))
    if strange:
        raise BadFoldFile(path, f"fold {index} has a part '{strange[0]}', allowed are {', '.join(PARTS)}")
    train, validation, test, unused = (np.flatnonzero(parts == name).astype(np.int64) for name in PARTS)
    return Fold(index, train, validation, test, unused, of_test)


def _codes(fold: Fold, size: int) -> NDArray[np.uint8]:
    """For every row the position of its part in `PARTS`."""
    codes = np.full(size, PARTS.index("unused"), dtype=np.uint8)
    for name in PARTS[:3]:
        codes[getattr(fold, name)] = PARTS.index(name)
    return codes


def _quoted(text: str) -> str:
    """A CSV field: an utterance of a user's own corpus may have a comma in its name."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text
