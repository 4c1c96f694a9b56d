"""Taking answers in: all of a file or nothing, and what is to be told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from after_ray.corpora._csv_table import shortened
from after_ray.errors import AfterRayError, BadValue
from after_ray.labelling import Answer, Frozen, Journal
from after_ray.wording import counted, first_of

if TYPE_CHECKING:
    from sweeps.labelling.opening import OpenLabelling, Standing


CANNOT = "cannot tell"
LONGEST_NAME = 100  # characters of an annotator's


class BadAnswers(AfterRayError):
    """A file of answers that cannot be taken in; nothing of it is."""

    def __init__(self, file: Path, problem: str, remedy: str) -> None:
        super().__init__(f"The answers in {file} cannot be taken in: {problem}. {remedy}")


@dataclass(frozen=True)
class Row:
    """One answer as a file has it: where, and what it says; `label` None of who cannot tell."""

    where: str
    clip: str
    annotator: str
    label: str | None

    @property
    def said(self) -> str:
        """For people."""
        return self.label or CANNOT

    @property
    def answer(self) -> Answer:
        """As the journal keeps it."""
        return Answer(self.clip, self.annotator, self.label)


@dataclass(frozen=True)
class Taken:
    """What came of a file.

    Attributes:
        added: answers that count from here on.
        known: answers that had been given before, alike.
        changed: sentences about answers that replace earlier ones.
        late: sentences about answers that come after the training that they would have been for.
        abstained: how many of the answers say that nobody can tell.
        skipped: how many are about clips that nobody was asked for.
    """

    added: tuple[Answer, ...] = ()
    known: int = 0
    changed: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    abstained: int = 0
    skipped: int = 0

    @property
    def lines(self) -> list[str]:
        """For people."""
        told = f"{counted(len(self.added), 'answer')} taken in"
        more = [f"{self.abstained} of them cannot tell"] if self.abstained else []
        more += [f"{self.known} were known already"] if self.known else []
        more += [f"{self.skipped} were about clips that nobody was asked for"] if self.skipped else []
        return [", ".join([told, *more]), *self.changed, *self.late]


@dataclass
class _Sorted:
    added: list[Answer] = field(default_factory=list)
    known: int = 0
    changed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def overtaken(self, now: Frozen, before: Frozen) -> None:
        """Tell answers that came in while another command began to train on those before them."""
        for answer in self.added:
            if answer.utterance in now.decisions and answer.utterance not in before.decisions:
                told = now.decisions[answer.utterance].emotion or CANNOT
                self.late.append(
                    f"'{answer.label or CANNOT}' of {answer.utterance} may come late: another command has "
                    f"just begun to train, on '{told}'"
                )


def refuse_unreadable(file: Path, most: int) -> None:
    """Refuse to read what cannot be answers, before any of it is in memory; `most` bytes may be.

    Raises:
        BadAnswers: saying what it is, or how large.
    """
    try:
        size, is_file = file.stat().st_size, file.is_file()
    except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
        why = getattr(error, "strerror", None) or error
        raise BadAnswers(file, f"it cannot be opened ({why})", "Check its path.") from error
    if not is_file:
        raise BadAnswers(file, "it is no file", "Name the file itself.")
    if size > most:
        raise BadAnswers(
            file,
            f"it has {size / 1e6:.0f} MB, and answers have {most / 1e6:.0f} MB at most",
            "Take in the file that 'after-ray annotate next' wrote, with the labels filled in.",
        )


def take(
    opened: OpenLabelling,
    standing: Standing,
    file: Path,
    rows: Sequence[Row],
    via: str,
    *,
    skip_unasked: bool = False,
) -> Taken:
    """Check rows and write them down, all or none; `skip_unasked`: but for clips that nobody was asked for.

    Raises:
        BadAnswers: for the first thing that is wrong.
    """
    given = _as_meant(opened, standing, rows)
    rows = [row for row in given if row.clip in _known(standing)] if skip_unasked else given
    _refuse_strangers(standing, file, rows)
    _refuse_unknown_labels(opened, file, rows)
    once = _refuse_contradictions(file, rows)
    found = _sorted(opened, standing, once)
    if found.added:
        opened.journal.add(found.added, via)
        found.overtaken(Frozen.read(opened.place), standing.frozen)
    abstained = sum(answer.label is None for answer in found.added)
    skipped = len(given) - len(rows)
    return Taken(tuple(found.added), found.known, tuple(found.changed), tuple(found.late), abstained, skipped)


def _known(standing: Standing) -> set[str]:
    """Utterances that somebody was or is asked for."""
    asked = {clip.utterance for clip in standing.asked.clips} if standing.asked else set()
    return asked | standing.frozen.decisions.keys()


def _as_meant(opened: OpenLabelling, standing: Standing, rows: Sequence[Row]) -> list[Row]:
    """Rows by the names of clips, classes and annotators that are known.

    A table loses blanks at the ends of a cell, and a phone begins a word with a capital.
    """
    own = {name.strip(): name for name in _known(standing)}
    classes = only_spellings(opened.labelling.classes)
    people = annotators_of(opened.journal)
    return [
        replace(
            row,
            clip=own.get(row.clip, row.clip),
            annotator=known_as(row.annotator, people),
            label=None if row.label is None else classes.get(row.label.casefold(), row.label),
        )
        for row in rows
    ]


def only_spellings(names: Sequence[str]) -> dict[str, str]:
    """Names by how they read without capitals, but for those that differ by nothing else."""
    spelled = Counter(name.casefold() for name in names)
    return {name.casefold(): name for name in names if spelled[name.casefold()] == 1}


def annotators_of(journal: Journal) -> dict[str, str]:
    """Everybody who has answered, by the name without capitals, as the name was first written."""
    found: dict[str, str] = {}
    for said in journal.said():
        for answer in said.answers:
            found.setdefault(answer.annotator.casefold(), answer.annotator)
    return found


def known_as(name: str, people: dict[str, str]) -> str:
    """An annotator by the name known so far: `Ann` and ` ann` are one person, who is not to count twice.

    Raises:
        BadValue: for a name that is too long to be one, or that cannot be shown.
    """
    plain = " ".join(name.split())
    if len(plain) > LONGEST_NAME or not plain.isprintable():
        allowed = f"the name of a person, {LONGEST_NAME} characters at most"
        raise BadValue("annotator", shortened(plain), allowed)
    return people.setdefault(plain.casefold(), plain)


def _refuse_strangers(standing: Standing, file: Path, rows: Sequence[Row]) -> None:
    known = _known(standing)
    strange = [row for row in rows if row.clip not in known]
    if strange:
        shown = first_of([f"'{shortened(row.clip)}' in {row.where}" for row in strange])
        remedy = "Take in the file that 'after-ray annotate next' wrote, the column 'clip' unchanged."
        raise BadAnswers(file, f"nobody was asked for {shown}", remedy)
    nameless = [row for row in rows if not row.annotator]
    if nameless:
        raise BadAnswers(file, f"no annotator is named in {nameless[0].where}", "Name one with --annotator.")


def _refuse_unknown_labels(opened: OpenLabelling, file: Path, rows: Sequence[Row]) -> None:
    classes = opened.labelling.classes
    wrong = [row for row in rows if row.label is not None and row.label not in classes]
    if wrong:
        shown = first_of([f"'{shortened(str(row.label))}' in {row.where}" for row in wrong])
        allowed = f"Allowed: {', '.join(classes)}, 'cannot tell', or nothing where nobody has listened yet."
        raise BadAnswers(file, f"no class is called {shown}", allowed)


def _refuse_contradictions(file: Path, rows: Sequence[Row]) -> list[Row]:
    """Every annotator's answer about a clip once."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        before = found.setdefault((row.clip, row.annotator), row)
        if before.label != row.label:
            both = f"'{before.said}' in {before.where} and '{row.said}' in {row.where}"
            who = f"{shortened(row.annotator)} says of '{row.clip}' both {both}"
            raise BadAnswers(file, who, "Keep one of the two.")
    return list(found.values())


def _sorted(opened: OpenLabelling, standing: Standing, rows: Sequence[Row]) -> _Sorted:
    given, result = opened.journal.standing(), _Sorted()
    for row in rows:
        before = given.get(row.clip, {}).get(row.annotator)
        if before is not None and before.label == row.label:
            result.known += 1
        elif row.clip in standing.frozen.decisions:
            stands = standing.frozen.decisions[row.clip].emotion or CANNOT
            told = f"'{row.said}' of {row.clip} comes late: '{stands}' was trained on and stands"
            result.late.append(told)
        else:
            result.added.append(row.answer)
            if before is not None:
                told = f"'{row.said}' in place of '{before.label or CANNOT}'"
                result.changed.append(f"{shortened(row.annotator)} now says of {row.clip} {told}")
    return result
