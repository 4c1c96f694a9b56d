"""A file of selections, read and looked at before anything is replayed from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadSelections
from after_ray.wording import first_of

REQUIRED = ("corpus", "fold", "seed", "order", "utterance")
NAMES = (  # of a trajectory, beside its place
    "method", "adaptation", "strategy", "initialization", "restart", "annotation", "label_noise",
)  # fmt: skip
NUMBERS = ("fold", "seed", "round", "order")


class Place(NamedTuple):
    """Where a recorded trajectory ran."""

    corpus: str
    fold: int
    seed: int


class Recording:
    """The selections of one file.

    Of its columns `corpus`, `fold`, `seed`, `order` and `utterance` must be there; `round` is where `order`
    begins anew in each. A column that is there and empty counts as one that is not.

    Args:
        path: of a CSV, as `after-ray export selections` writes it or a person does.

    Raises:
        BadSelections: when it cannot be read, or lacks a column, or has something else where numbers belong.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            table = pd.read_csv(path, dtype=str, na_filter=False, skipinitialspace=True)
        except OSError as error:
            raise BadSelections(path, f"the file cannot be opened ({error.strerror})") from error
        except pd.errors.EmptyDataError as error:
            names = ", ".join(REQUIRED)
            raise BadSelections(path, f"it is empty; its first line names columns: {names}") from error
        except ValueError as error:  # also what pandas says of a file that is no CSV or no text
            raise BadSelections(path, f"it is no CSV ({str(error).splitlines()[0]})") from error
        for name in table.columns:
            plain = re.sub(r"\.\d+$", "", name)  # pandas calls the second one 'order.1'
            if plain != name and plain in table.columns:
                raise BadSelections(path, f"it has the column {plain} twice; keep one of them")
        missing = [name for name in REQUIRED if name not in table.columns]
        if missing:
            there = first_of(list(table.columns), 20)
            raise BadSelections(
                path, f"it has no column {' and no '.join(missing)}, of {', '.join(REQUIRED)}; it has {there}"
            )
        if table.empty:
            raise BadSelections(path, "it has no rows")
        others = [name for name in ("manifest", "round", *NAMES) if name in table]
        filled = [name for name in others if (table[name] != "").any()]
        self._table = table[[*REQUIRED, *filled]].copy()
        for name in NUMBERS:
            if name in self._table:
                self._table[name] = self._whole(name)

    def rows(
        self,
        place: Place,
        manifest: str,
        known: pd.Index[str],
        over: str | None,
        initialization: str,
        where: Mapping[str, str],
    ) -> NDArray[np.int64]:
        """Manifest rows that the one trajectory which is meant acquired, in their order.

        Args:
            place: corpus, fold and seed.
            manifest: digest of the corpus here.
            known: its utterances, in the order of the manifest.
            over: the strategy that is replayed; None: whichever the file has.
            initialization: the one to go by, unless `where` names another.
            where: columns of `NAMES` and the values that are meant.

        Raises:
            BadSelections: when none is meant or several are, or it is of another manifest, or names an
                utterance twice or one that the corpus has not.
        """
        there = self._at(place)
        if "manifest" in there and (others := sorted(set(there["manifest"]) - {manifest})):
            raise BadSelections(
                self.path,
                f"it is of corpus '{place.corpus}' with manifest {others[0][:12]}, and here that corpus has "
                f"{manifest[:12]}: its utterances, their audio or their votes are others",
            )
        wanted = {"initialization": initialization, **where}
        if over is not None:
            wanted["strategy"] = over
        found = self._meant(there, place, wanted, where)
        return self._as_rows(found, place, known)

    @cached_property
    def _places(self) -> dict[Place, NDArray[np.int64]]:
        columns = (self._table[name].tolist() for name in Place._fields)
        found: dict[Place, list[int]] = {}
        for at, place in enumerate(map(Place, *columns)):
            found.setdefault(place, []).append(at)
        return {place: np.array(at) for place, at in sorted(found.items())}

    def _at(self, place: Place) -> pd.DataFrame:
        if place not in self._places:
            there = first_of([_words(one) for one in self._places])
            raise BadSelections(self.path, f"it has nothing of {_words(place)}; it has {there}")
        return self._table.iloc[self._places[place]]

    def _meant(
        self, there: pd.DataFrame, place: Place, wanted: Mapping[str, str], where: Mapping[str, str]
    ) -> pd.DataFrame:
        """The rows of the one trajectory that is wanted; several that acquired the same are as one."""
        named = [name for name in NAMES if name in there]
        lacking = [name for name in where if name not in named]
        if lacking:
            columns = ", ".join(named) or "none of them"
            raise BadSelections(
                self.path, f"'where' names {lacking[0]}, a column that it has not ({columns})"
            )
        if not named:
            return there
        groups = {tuple(map(str, key)): rows for key, rows in there.groupby(named, sort=True)}
        meant = {
            key: rows
            for key, rows in groups.items()
            if all(wanted.get(name, value) == value for name, value in zip(named, key, strict=True))
        }
        if not meant:
            asked = ", ".join(f"{name} {value}" for name, value in wanted.items() if name in named)
            raise BadSelections(
                self.path,
                f"at {_words(place)} it has no trajectory of {asked}; it "
                f"has {first_of(_told(named, list(groups)), between=';')}",
            )
        first = next(iter(meant.values()))
        if any(not _same(first, other) for other in meant.values()):
            left = [name for at, name in enumerate(named) if len({key[at] for key in meant}) > 1]
            choices = first_of(_told(left, _only(meant, named, left)), between=";")
            how = "'over: ...'" if left[0] == "strategy" else f"'where: {{{left[0]}: ...}}'"
            raise BadSelections(
                self.path,
                f"at {_words(place)} it leaves open which of {len(meant)} trajectories is meant ({choices}); "
                f"choose with {how}",
            )
        return first

    def _as_rows(self, found: pd.DataFrame, place: Place, known: pd.Index[str]) -> NDArray[np.int64]:
        order = [name for name in ("round", "order") if name in found]
        twice = found[found.duplicated(order, keep=False)]
        if len(twice):
            number = ", ".join(f"{name} {twice[name].iloc[0]}" for name in order)
            names = " and ".join(twice["utterance"].iloc[:2])
            raise BadSelections(self.path, f"{number} of {_words(place)} is there twice, for {names}")
        found = found.sort_values(order, kind="stable")
        if "round" in found:
            self._refuse_holes(found, place)
        utterances = found["utterance"]
        repeated = utterances[utterances.duplicated()]
        if len(repeated):
            raise BadSelections(
                self.path, f"{_words(place)} has the utterance '{repeated.iloc[0]}' twice; keep one of them"
            )
        rows = known.get_indexer(pd.Index(utterances, dtype=known.dtype)).astype(np.int64)
        if (rows < 0).any():
            strange = first_of(list(utterances[rows < 0]))
            raise BadSelections(self.path, f"{_words(place)} has utterances that are not there: {strange}")
        return rows

    def _refuse_holes(self, found: pd.DataFrame, place: Place) -> None:
        """Rounds count from 0 and order from 1 in each; a row that was lost would move all that follow."""
        new = found["round"].ne(found["round"].shift())
        expected = found.groupby("round").cumcount() + 1
        wrong = (found["order"] != expected) | (new & (found["round"] != new.cumsum() - 1))
        if wrong.any():
            number, order = (int(found.loc[wrong, name].iloc[0]) for name in ("round", "order"))
            raise BadSelections(
                self.path,
                f"{_words(place)} comes to round {number} order {order} after a hole: rounds count from 0 "
                "and order from 1 in each; leave the column round out to replay rows as they stand",
            )

    def _whole(self, name: str) -> pd.Series[int]:
        numbers = pd.to_numeric(self._table[name], errors="coerce")
        wrong = numbers.isna() | (numbers < 0) | (numbers % 1 != 0)
        if wrong.any():
            line, value = int(np.flatnonzero(wrong)[0]) + 2, self._table.loc[wrong, name].iloc[0]
            raise BadSelections(self.path, f"line {line} has {name} '{value}', no whole number from 0 on")
        return numbers.astype(np.int64)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    order = [name for name in ("round", "order") if name in one]
    first, second = (rows.sort_values(order, kind="stable")["utterance"].tolist() for rows in (one, other))
    return bool(first == second)


def _told(names: Sequence[str], keys: Sequence[tuple[str, ...]]) -> list[str]:
    return [", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True)) for key in keys]


def _only(
    meant: Mapping[tuple[str, ...], object], named: Sequence[str], kept: Sequence[str]
) -> list[tuple[str, ...]]:
    """The values of some of the columns, each combination once."""
    at = [named.index(name) for name in kept]
    return list(dict.fromkeys(tuple(key[index] for index in at) for key in meant))


def _words(place: Place) -> str:
    return f"{place.corpus} fold {place.fold} seed {place.seed}"
