"""The manifest: one row per utterance, in an order and with a digest that no file name can change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadManifest, UnlabelledCorpus
from after_ray.files import write_text
from after_ray.votes import FORM, Ballots, Votes, read_votes, write_votes
from after_ray.wording import counted

IDENTITY = ("utterance", "speaker", "gender", "emotion", "sentence", "session", "audio")
COLUMNS = (
    "utterance", "path", "speaker", "gender", "emotion", "sentence", "session",
    "seconds", "sample_rate", "audio",
)  # fmt: skip
VOTES = "votes"  # the one column that a table may lack
TEXT = (*(column for column in COLUMNS if column not in ("seconds", "sample_rate")), VOTES)
FEWEST_CLASSES, MOST_CLASSES = 2, 20
UNKNOWN = -1  # the label of an utterance that nobody has labelled
_LEAVE_OUT = "Leave {} out of 'labels' (map what becomes it to null there, in a table of your own)"


@dataclass(frozen=True, eq=False)
class Manifest:
    """The utterances of a corpus, sorted by utterance id: a row's index is its number everywhere else.

    Attributes:
        corpus: name of the corpus.
        table: columns `utterance` (stable id `<corpus>/<official stem>`, never a path), `path` (below the
            corpus root, posix), `speaker`, `gender`, `emotion` (empty in every row of an unlabelled corpus),
            `sentence`, `session` (may be empty), `seconds`, `sample_rate` (Hz), `audio` (digest of the
            decoded samples) and `votes` (how many annotators heard which emotion, as `after_ray.votes` writes
            it; empty where nobody voted, and in every row of a table given without it). Row order and index
            of the table given do not matter, nor does the order within a cell of votes.
        declared: the classes of a corpus that people are labelling, in no digest: emotions and votes are of
            these, and any row may lack an emotion. Empty where the emotions of the table say all.

    Raises:
        BadManifest: when a column is missing, an utterance is listed twice or has no speaker, when some have
            an emotion and others none, or when votes cannot be read or are for what no row has as emotion.
    """

    corpus: str
    table: pd.DataFrame
    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        missing = [column for column in COLUMNS if column not in self.table.columns]
        if missing:
            raise BadManifest(self.corpus, "missing columns", ", ".join(missing), ", ".join(COLUMNS))
        votes = self.table[VOTES].fillna("") if VOTES in self.table.columns else ""
        table = self.table.loc[:, list(COLUMNS)].assign(**{VOTES: votes})
        table = table.astype({column: str for column in TEXT})
        table = table.astype({"seconds": np.float64, "sample_rate": np.int64})
        self._refuse(table, table["utterance"].duplicated(), "repeated utterances", "every utterance once")
        for column in ("utterance", "speaker"):
            self._refuse(table, table[column] == "", f"rows without {column}", f"a {column} in every row")
        unlabelled = table["emotion"] == ""
        if self.declared:
            others = ~(table["emotion"].isin(self.declared) | unlabelled)
            self._refuse(table, others, "emotions that are no class", ", ".join(self.declared))
        elif not unlabelled.all():
            self._refuse(table, unlabelled, "rows without emotion", "an emotion in every row, or in none")
        table[VOTES] = table[VOTES].map(self._tidied_votes(table))
        # Code points, not a locale: the order of rows is the same on every machine.
        order = np.argsort(table["utterance"].to_numpy(dtype=object), kind="stable")
        object.__setattr__(self, "table", table.iloc[order].reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def labelled(self) -> bool:
        """Whether its utterances have emotions: all of them have or none has, unless people label them."""
        return bool((self.table["emotion"] != "").any())

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The emotions that occur or are declared, sorted; a label is a position in this tuple.

        Raises:
            BadManifest: when there are fewer than 2 or more than 20.
            UnlabelledCorpus: when there are no emotions at all.
        """
        if not (self.labelled or self.declared):
            raise UnlabelledCorpus(self.corpus)
        found = tuple(sorted(self.declared or self.table["emotion"].unique()))
        if not FEWEST_CLASSES <= len(found) <= MOST_CLASSES:
            what = counted(len(found), "emotion class", "emotion classes")
            raise BadManifest(self.corpus, what, ", ".join(found) or "none", "2 to 20 classes")
        return found

    @cached_property
    def sources(self) -> NDArray[np.object_]:
        """The corpus of every row, which its id begins with, shape (utterances,); several when merged."""
        names = self.table["utterance"].to_numpy(dtype=object)
        return np.array([name.partition("/")[0] for name in names], dtype=object)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class index of every row, shape (utterances,); `UNKNOWN` where nobody has labelled it yet."""
        position = {emotion: index for index, emotion in enumerate(self.classes)} | {"": UNKNOWN}
        return np.asarray(self.table["emotion"].map(position), dtype=np.int64)

    @cached_property
    def strata(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Classes and labels as folds are drawn by them; without any label one stratum, which all are of."""
        if self.labelled and not self.declared:
            return self.classes, self.labels
        return ("",), np.zeros(len(self), dtype=np.int64)

    def declaring(self, classes: Collection[str]) -> Manifest:
        """The same utterances, of which people will say which of these classes they are."""
        return Manifest(self.corpus, self.table, tuple(sorted(classes)))

    def answered(self, emotions: Mapping[str, str], votes: Mapping[str, str]) -> Manifest:
        """With what people said: by utterance its emotion, and its votes as one cell."""
        ids = self.table["utterance"]
        said = {"emotion": ids.map(emotions).fillna(""), VOTES: ids.map(votes).fillna("")}
        return Manifest(self.corpus, self.table.assign(**said), self.declared)

    @cached_property
    def votes(self) -> Votes | None:
        """What annotators named in every row, classes by index; None where nobody did in any row."""
        if not self._voted:
            return None
        read = {cell: read_votes(cell) for cell in self.table[VOTES].unique()}
        return Votes.of([read[cell] for cell in self.table[VOTES].to_numpy(dtype=object)], self.classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what the utterances are and sound like; paths and container formats are left out.

        Votes are part of it where there are any.
        """
        hasher = hashlib.sha256()
        # As Python strings first: an Arrow column gives out its values one by one, slowly.
        identity = (*IDENTITY, VOTES) if self._voted else IDENTITY
        columns = [self.table[name].to_numpy(dtype=object) for name in identity]
        for row in zip(*columns, strict=True):
            hasher.update(json.dumps(row).encode() + b"\n")
        return hasher.hexdigest()

    def to_csv(self, path: Path) -> None:
        """Write the table, the corpus name as its first column; `from_csv` then gives the same manifest."""
        table = self.table.copy() if self._voted else self.table.drop(columns=VOTES)
        table.insert(0, "corpus", self.corpus)
        write_text(path, table.to_csv(index=False, lineterminator="\n"))

    @classmethod
    def from_csv(cls, path: Path) -> Manifest:
        """Read what `to_csv` wrote; a speaker "03" and a sentence "NA" stay what they are."""
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
        corpora = sorted(set(table.get("corpus", pd.Series(dtype=str))))
        if len(corpora) != 1:
            raise BadManifest(path.name, "corpus names", ", ".join(corpora) or "none", "one in all rows")
        return cls(corpora[0], table)

    @cached_property
    def _voted(self) -> bool:
        return bool((self.table[VOTES] != "").any())

    def _tidied_votes(self, table: pd.DataFrame) -> dict[str, str]:
        """Every cell of votes that occurs, and how it is written; refuses those that say nothing here."""
        read = {cell: self._read_votes(table, cell) for cell in table[VOTES].unique()}
        emotions = set(self.declared) or set(table["emotion"]) - {""}
        if others := sorted(set().union(*(votes.classes for votes in read.values())) - emotions):
            here = table[VOTES].map({cell: bool(votes.classes - emotions) for cell, votes in read.items()})
            what = f"votes for {', '.join(others)}, which no row has as emotion"
            allowed = ", ".join(sorted(emotions)) or "none, without emotions"
            remedy = _LEAVE_OUT.format(", ".join(others))
            raise self._bad(table, here, what, f"votes for {allowed}. {remedy}")
        return {cell: write_votes(votes) for cell, votes in read.items()}

    def _read_votes(self, table: pd.DataFrame, cell: str) -> Ballots:
        try:
            return read_votes(cell)
        except ValueError as error:
            what = f"votes that cannot be read ({error})"
            raise self._bad(table, table[VOTES] == cell, what, FORM) from error

    def _refuse(self, table: pd.DataFrame, wrong: pd.Series[bool], what: str, allowed: str) -> None:
        if wrong.any():
            raise self._bad(table, wrong, what, allowed)

    def _bad(self, table: pd.DataFrame, wrong: pd.Series[bool], what: str, allowed: str) -> BadManifest:
        first = ", ".join(sorted(set(table.loc[wrong, "utterance"]))[:5])
        return BadManifest(self.corpus, what, f"{int(wrong.sum())} ({first})", allowed)
