"""A user's own corpus: a CSV that says path, speaker and emotion of every utterance."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from after_ray.corpora._base import UNVOTED, Entry, Listing, corpora
from after_ray.corpora._csv_table import Table, read_table, shortened
from after_ray.corpora._files import ANOTHER_FORMAT, SUFFIXES, FilesCorpus
from after_ray.corpora._settings import CLASS_PATTERN, CsvSettings
from after_ray.errors import BadTable
from after_ray.manifest import MOST_CLASSES
from after_ray.votes import FORM, read_votes, write_votes

REQUIRED = ("path", "speaker", "emotion")
OPTIONAL = ("session", "sentence", "gender", "votes")
# Where paths start that no other machine has: root, home, a Windows drive.
ELSEWHERE = re.compile(r"[/~]|[A-Za-z]:")


@corpora.register("csv")
class Csv(FilesCorpus):
    """The rows of a CSV; an utterance's id is the corpus' name and the path without its suffix."""

    settings: CsvSettings

    def __init__(self, settings: CsvSettings) -> None:
        self.file = Path(settings.file)
        super().__init__(settings, Path(settings.root) if settings.root is not None else self.file.parent)

    def listing(self) -> Listing:
        """Every row whose emotion is used; rows without a file to read are problems.

        Raises:
            BadTable: when the CSV does not describe a corpus.
        """
        table = self._read()
        classes = self._classes(table)
        mapped = [row for row, name in enumerate(classes) if name is not None]
        if not mapped:
            raise BadTable(self.file, "no row has an emotion that is used", "Map one to a class in 'labels'.")
        stay, excluded = self._without_excluded(table, mapped)
        votes = self._votes(table)
        used = [row for row in stay if votes is None or votes[row]]
        unvoted = [self._id(table, row) for row in sorted({*stay} - {*used})]
        faults = {row: fault for row in used if (fault := self._fault(table.columns["path"][row]))}
        entries = {row: self._entry(table, row, classes[row] or "") for row in used if row not in faults}
        _refuse_one_name(table, {row: entry.utterance for row, entry in entries.items()})
        if votes is not None:
            entries = {row: replace(entry, votes=votes[row]) for row, entry in entries.items()}
        emotions = (table.columns["emotion"][row] for row, name in enumerate(classes) if name is None)
        return Listing(
            tuple(entries.values()),
            tuple((table.columns["path"][row], fault) for row, fault in faults.items()),
            Counter([*emotions, *[UNVOTED] * len(unvoted)]),
            notes=tuple(self._notes(table)),
            excluded=excluded,
            unvoted=tuple(name.partition("/")[2] for name in unvoted),
        )

    def _read(self) -> Table:
        """The table, its paths and speakers checked; of one that people label its emotions are not read."""
        hidden = ("emotion", "votes") if self.settings.classes else ()
        required = [name for name in REQUIRED if name not in hidden]
        table = read_table(self.file, required, [name for name in OPTIONAL if name not in hidden])
        self._check(table, required)
        nothing = [""] * len(table.lines)
        return replace(table, columns={**table.columns, **dict.fromkeys(hidden, nothing)})

    def _without_excluded(self, table: Table, rows: list[int]) -> tuple[list[int], tuple[str, ...]]:
        """Rows that stay, and the names of the utterances that the settings leave out."""
        if not self.settings.exclude:
            return rows, ()
        ids = {row: self._id(table, row) for row in rows}
        excluded, _ = self.excluded(set(ids.values()))
        left_out = {f"{self._name}/{name}" for name in excluded}
        return [row for row in rows if ids[row] not in left_out], excluded

    def _id(self, table: Table, row: int) -> str:
        return self.utterance(os.path.normpath(table.columns["path"][row]))

    def _check(self, table: Table, required: Iterable[str]) -> None:
        """Refuse empty values, paths that lead elsewhere, a path in two rows, speakers that are one."""
        for name in required:
            table.refuse_where(name, lambda value: not value, f"no {name}", "Fill it in, or delete the row.")
        table.refuse_where(
            "path",
            _leads_elsewhere,
            "a path is not of the form folder/file.wav:",
            "Write paths below 'root' (by default the CSV's folder), with '/' and without '..'.",
        )
        _refuse_repeated(table)
        _refuse_two_spellings(self.file, table.columns["speaker"], "speakers")
        _refuse_two_spellings(self.file, table.columns["gender"], "genders")
        _refuse_two_genders(table)

    def _votes(self, table: Table) -> list[str] | None:
        """Votes for classes of every row, empty where they are all for what is left out; None without any."""
        cells = table.columns["votes"]
        if not any(cells):
            return None
        remedy = "Write them into every row, or into none."
        table.refuse_where("votes", lambda cell: not cell, "no votes", remedy)
        remedy = f"Write {FORM}; a column that means something else needs another name."
        table.refuse_where("votes", _says_no_votes, "the votes cannot be read:", remedy)
        labels = self.settings.labels
        classes = {word: word for word in table.columns["emotion"]} if labels is None else labels
        table.refuse_where(
            "votes",
            lambda cell: not read_votes(cell).classes <= classes.keys(),
            "votes for an unknown label:",
            f"Labels are {', '.join(sorted(classes))}"
            + ("." if labels is None else "; add it to 'labels', with null to leave it out."),
        )
        used = {label: name for label, name in classes.items() if name is not None}
        return [write_votes(read_votes(cell).mapped(used)) for cell in cells]

    def _classes(self, table: Table) -> list[str | None]:
        """The class of every row, None for emotions that are left out."""
        labels, emotions = self.settings.labels, table.columns["emotion"]
        if self.settings.classes:
            return list(emotions)
        if labels is None:
            self._check_emotions(table)
            return list(emotions)
        table.refuse_where(
            "emotion",
            lambda value: value not in labels,
            "unknown label",
            f"Labels are {', '.join(sorted(labels))}; add it to 'labels', with null to leave it out.",
        )
        self._refuse_two_classes(name for name in labels.values() if name is not None)
        return [labels[emotion] for emotion in emotions]

    def _check_emotions(self, table: Table) -> None:
        """Refuse emotions that cannot be classes as they are."""
        table.refuse_where(
            "emotion",
            lambda value: re.fullmatch(CLASS_PATTERN, value) is None,
            "an emotion has a slash or a comma:",
            "Write it without.",
        )
        emotions = set(table.columns["emotion"])
        self._refuse_two_classes(emotions)
        self._refuse_many(emotions)

    def _refuse_two_classes(self, classes: Iterable[str]) -> None:
        """`Anger` and `anger` are a slip of the pen, and would be learnt as two classes."""
        remedy = "Write them alike, or map both to one class with 'labels' in the corpus block."
        _refuse_two_spellings(self.file, classes, "classes", remedy)

    def _refuse_many(self, emotions: set[str]) -> None:
        """Before any audio is read; the manifest would refuse them after."""
        if len(emotions) > MOST_CLASSES:
            shown = ", ".join(shortened(name) for name in sorted(emotions)[:5])
            raise BadTable(
                self.file,
                f"it has {len(emotions)} emotions ({shown}, ...)",
                f"Map them to 2 to {MOST_CLASSES} classes with 'labels' in the corpus block.",
            )

    def _fault(self, path: str) -> str:
        """Why there is no audio to read behind a path; empty when there is."""
        file = f"{self.root}/{path}"
        if not os.path.isfile(file):
            return "it is a folder" if os.path.isdir(file) else f"there is no such file in {self._folder}"
        return "" if path.lower().endswith(SUFFIXES) else ANOTHER_FORMAT

    @cached_property
    def _folder(self) -> str:
        """The root as it can be shown, also where it is only a dot."""
        return str(self.root.absolute())

    def _notes(self, table: Table) -> Iterator[str]:
        """Columns and labels that say nothing here."""
        if table.unused:
            yield f"columns not used: {', '.join(map(shortened, table.unused))}"
        said = {
            *table.columns["emotion"],
            *(word for cell in table.columns["votes"] for word in read_votes(cell).classes),
        }
        spare = [label for label in self.settings.labels or () if label not in said]
        if spare:
            yield f"'labels' maps what no row has: {', '.join(map(shortened, spare))}"

    def _entry(self, table: Table, row: int, emotion: str) -> Entry:
        return Entry(
            utterance=self._id(table, row),
            path=os.path.normpath(table.columns["path"][row]),
            speaker=table.columns["speaker"][row],
            gender=table.columns["gender"][row],
            emotion=emotion,
            sentence=table.columns["sentence"][row],
            session=table.columns["session"][row],
        )


def _says_no_votes(cell: str) -> bool:
    try:
        return not read_votes(cell)
    except ValueError:
        return True


def _leads_elsewhere(path: str) -> bool:
    return bool(ELSEWHERE.match(path)) or "\\" in path or ".." in path.split("/")


def _refuse_repeated(table: Table) -> None:
    """Refuse a file that two rows name, however they write it."""
    paths = table.columns["path"]
    found = _first_shared({row: os.path.normpath(path) for row, path in enumerate(paths)})
    if found:
        raise BadTable(
            table.file, f"'{shortened(paths[found[0]])}' is in {table.where(found)}", "Keep one row per file."
        )


def _refuse_two_spellings(
    file: Path, names: Iterable[str], what: str, remedy: str = "Write them alike."
) -> None:
    """Refuse names that only capitals or spaces tell apart, and that would be two of `what`."""
    known: dict[str, str] = {}
    for name in sorted(set(names)):
        other = known.setdefault("".join(name.casefold().split()), name)
        if other != name:
            both = f"'{shortened(other)}' and '{shortened(name)}'"
            raise BadTable(file, f"{both} differ only in case or spaces, and would be two {what}", remedy)


def _refuse_two_genders(table: Table) -> None:
    """Refuse a speaker of two genders; a row may leave it open."""
    first: dict[str, int] = {}
    genders = table.columns["gender"]
    for row, (speaker, gender) in enumerate(zip(table.columns["speaker"], genders, strict=True)):
        earlier = first.setdefault(speaker, row) if gender else row
        if genders[earlier] != gender:
            both = f"'{shortened(genders[earlier])}' and '{shortened(gender)}'"
            raise BadTable(
                table.file,
                f"speaker '{shortened(speaker)}' is {both} in {table.where([earlier, row])}",
                "Write one gender, or tell two speakers apart by their names.",
            )


def _refuse_one_name(table: Table, utterances: Mapping[int, str]) -> None:
    """Refuse two files whose ids would be the same."""
    found = _first_shared(utterances)
    if found:
        names = " and ".join(f"'{shortened(table.columns['path'][row])}'" for row in found)
        raise BadTable(
            table.file,
            f"{names} ({table.where(found)}) differ only in their suffix, and an utterance is named by the "
            "path without it",
            "Keep one of them, or rename the other.",
        )


def _first_shared(values: Mapping[int, str]) -> list[int]:
    """The rows of the first value that several rows have; empty when there is none."""
    if len(set(values.values())) == len(values):
        return []
    rows = defaultdict(list)
    for row, value in values.items():
        rows[value].append(row)
    return next(shared for shared in rows.values() if len(shared) > 1)
