"""CREMA-D, by intended or by heard emotion (Cao et al., IEEE Trans. Affective Computing 5(4), 2014)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import ClassVar

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import Contract, ListedContract
from after_ray.corpora._csv_table import Table, read_table
from after_ray.corpora._files import files_below
from after_ray.corpora._folder import FolderCorpus, LostUtterance, MisnamedFile, UnusedFile
from after_ray.corpora._settings import CremadSettings
from after_ray.errors import BadTable, MissingVotes
from after_ray.votes import Ballots, write_votes

ACTORS = range(1001, 1092)
# Sex of the actors from the corpus' VideoDemographics.csv, which many copies lack; the other 48 are men.
FEMALE_ACTORS = frozenset({
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
})  # fmt: skip
SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
NAME = re.compile(
    rf"(?P<actor>\d{{4}})_(?P<sentence>{'|'.join(SENTENCES)})_(?P<emotion>{'|'.join(LABELS)})_(LO|MD|HI|XX)"
)
# Circulating copies cut the official name of one file.
OFFICIAL_NAMES = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
VOTES = "processedResults/tabulatedVotes.csv"
RATED = {"voice": "1", "face": "2", "audiovisual": "3"}  # what a clip's number begins with in that table
CLIP = re.compile(r"[123]\d+")
CANDIDATES = {"A": "anger", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
REMEDY = "Fetch it again from the official release."


@corpora.register("cremad")
class Cremad(FolderCorpus):
    """91 actors, twelve sentences; 4900 of the 7442 utterances are of the four classes, one is silent.

    The label is the emotion in a file's name, or the one that most raters heard; an utterance where several
    emotions have most votes has none then.
    """

    settings: CremadSettings

    layout = "AudioWAV/ with files such as 1001_DFA_ANG_XX.wav (or .flac)"
    scheme = "CREMA-D's actor, sentence, emotion and level (such as 1001_DFA_ANG_XX)"
    folder = re.compile(r"(^|/)AudioWAV$")
    contract: ClassVar[ListedContract] = ListedContract("cremad")
    unusable_as_released = frozenset({"cremad/1076_MTI_SAD_XX"})  # 41108 samples, all of them zero

    @cached_property
    def votes(self) -> Mapping[str, Mapping[str, int]]:
        """How many raters heard each of the six emotions, by the name of the utterance.

        Raises:
            MissingVotes: when their table is not there.
            BadTable: when it is not the one of the release.
        """
        tables = [path for path in files_below(self.root) if f"/{path}".endswith(f"/{VOTES}")]
        if not tables:
            raise MissingVotes("cremad", self.root, VOTES)
        nearest = min(tables, key=lambda path: (path.count("/"), path))
        return _read_votes(self.root / nearest, RATED[self.settings.votes])

    def release(self) -> Contract:
        """The official release; its own list has the intended emotions."""
        if self.settings.label_by == "intended":
            return self.contract
        return self.contract.relabelled({name: _majority(votes) for name, votes in self.votes.items()})

    def parse(self, path: PurePosixPath) -> Entry:
        """Actor, sentence and emotion from a name such as `1001_DFA_ANG_XX`, and its votes if wanted."""
        name = OFFICIAL_NAMES.get(path.stem, path.stem)
        match = NAME.fullmatch(name)
        if match is None or int(match["actor"]) not in ACTORS:
            raise MisnamedFile
        entry = Entry(
            utterance=f"cremad/{name}",
            path=str(path),
            speaker=match["actor"],
            gender="female" if int(match["actor"]) in FEMALE_ACTORS else "male",
            emotion=LABELS[match["emotion"]],
            sentence=match["sentence"],
        )
        return self._judged(entry, name) if self.settings.voted else entry

    def _judged(self, entry: Entry, name: str) -> Entry:
        """The entry with its votes, and with the label that they give it where that is wanted."""
        labels, intended = self.settings.labels, self.settings.label_by == "intended"
        if intended and entry.emotion not in labels:
            return entry
        votes = self.votes.get(name)
        if votes is None:
            raise LostUtterance(entry.utterance, f"{VOTES} has no votes of it ({self.settings.votes})")
        emotion = entry.emotion if intended else _majority(votes)
        if not emotion:
            raise UnusedFile("no majority of votes")
        heard = write_votes(Ballots.of_counts(votes).mapped(labels))
        return replace(entry, emotion=emotion, votes=heard)


def _read_votes(file: Path, rated: str) -> dict[str, Mapping[str, int]]:
    """Votes by the name of the utterance, of the raters who had what `rated` stands for."""
    table = read_table(file, ("fileName", *CANDIDATES), ("",))
    table.refuse_where(
        "",
        lambda value: CLIP.fullmatch(value) is None,
        "the first column has not a number that begins with 1 (voice), 2 (face) or 3 (audio-visual) but",
        REMEDY,
    )
    for letter in CANDIDATES:
        what = f"{letter} is no number of votes:"
        table.refuse_where(letter, lambda value: not _is_count(value), what, REMEDY)
    rows = [row for row, number in enumerate(table.columns[""]) if number[0] == rated]
    names = {row: OFFICIAL_NAMES.get(name, name) for row in rows if (name := table.columns["fileName"][row])}
    _refuse_repeated(table, names)
    return {
        name: {label: int(table.columns[letter][row]) for letter, label in CANDIDATES.items()}
        for row, name in names.items()
    }


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 6


def _refuse_repeated(table: Table, names: Mapping[int, str]) -> None:
    """Refuse a clip that two rows have."""
    first: dict[str, int] = {}
    for row, name in names.items():
        earlier = first.setdefault(name, row)
        if earlier != row:
            raise BadTable(table.file, f"{name} is in {table.where([earlier, row])}", REMEDY)


def _majority(votes: Mapping[str, int]) -> str:
    """The label with most votes; empty where several have, or none has any."""
    most = max(votes.values())
    first = [label for label, count in votes.items() if count == most]
    return first[0] if most and len(first) == 1 else ""
