"""IEMOCAP (Busso et al., Language Resources and Evaluation 42(4), 2008)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from after_ray.corpora._base import Entry, Listing, corpora
from after_ray.corpora._contract import CountedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile, UnusedFile
from after_ray.corpora._settings import IemocapSettings
from after_ray.votes import Ballots, write_votes
from after_ray.wording import first_of, printable

GENDERS = {"F": "female", "M": "male"}
LABELS = {
    "ang": "anger", "dis": "disgust", "exc": "excited", "fea": "fear", "fru": "frustration", "hap": "happy",
    "neu": "neutral", "oth": "other", "sad": "sad", "sur": "surprise", "xxx": "undecided",
}  # fmt: skip
# What evaluators could tick.
CATEGORIES = {
    "anger": "anger", "disgust": "disgust", "excited": "excited", "fear": "fear",
    "frustration": "frustration", "happiness": "happy", "neutral": "neutral", "neutral state": "neutral",
    "other": "other", "sadness": "sad", "surprise": "surprise",
}  # fmt: skip
# `C-E2:`, categories that end with semicolons, a comment in brackets. C-F1 and C-M1 are the actors' own.
EVALUATOR = re.compile(r"C-(?P<evaluator>E\d+)\s*:(?P<categories>[^(]*)")
# The first letter says who wore the markers, the last one who speaks. Parts of a dialog may have a letter.
TURN = re.compile(
    r"Ses0(?P<session>[1-5])[FM]_(impro\d\d[a-z]?|(?P<script>script\d\d_\d)[a-z]?)_(?P<speaker>[FM])(\d{3}|XX\d)"
)
RELEASE = ("", "*/")  # the root is the release itself or the folder around it
EVALUATIONS = "Session[1-5]/dialog/EmoEvaluation/*.txt"  # single annotators' files are in folders below
COUNTED = ("anger", "neutral", "sad", "happy", "excited")
BY_SPEAKER = {
    "1F": (147, 171, 78, 69, 63),
    "1M": (82, 213, 116, 66, 80),
    "2F": (67, 135, 113, 70, 96),
    "2M": (70, 227, 84, 47, 114),
    "3F": (92, 130, 172, 80, 48),
    "3M": (148, 190, 133, 55, 103),
    "4F": (205, 76, 62, 31, 154),
    "4M": (122, 182, 81, 34, 84),
    "5F": (78, 221, 132, 77, 82),
    "5M": (92, 163, 113, 66, 217),
}


@dataclass
class Evaluation:
    """What the label files say: the entry of every labelled turn, and (place, reason) of unusable lines.

    `disputed`: turns that lines disagree about; once all files are read, they are none of `turns`.
    `heard`: the labels that each evaluator of a turn named. `unknown`: words that are no category.
    """

    turns: dict[str, Entry] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    problems: list[tuple[str, str]] = field(default_factory=list)
    heard: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(dict))
    unknown: Counter[str] = field(default_factory=Counter)


@corpora.register("iemocap")
class Iemocap(FolderCorpus):
    """Five sessions of a woman and a man; 5531 of the 10039 labelled turns are of the four classes.

    Labels are those of the majority, from the files directly in `dialog/EmoEvaluation`. A speaker is a
    session and the letter of the turn (`1F`). The sentence of a scripted turn is its script, which other
    sessions play too; improvised turns have none. Turns without a label are counted, used ones without audio
    are problems. Votes are those of the evaluators in the same files; what actors said of themselves is none.
    """

    settings: IemocapSettings
    layout = (
        "Session1/ to Session5/, each with dialog/EmoEvaluation/*.txt and sentences/wav/<dialog>/<turn>.wav "
        "(or .flac)"
    )
    scheme = "IEMOCAP's turns, each below its session and dialog (such as Ses01F_impro01/Ses01F_impro01_F000)"
    folder = re.compile(r"^([^/]+/)?Session[1-5]/sentences/wav/[^/]+$")
    beside = re.compile(r"^([^/]+/)?Session[1-5]/dialog/wav$")  # whole dialogs
    contract = CountedContract(
        by_speaker={
            speaker: dict(zip(COUNTED, counts, strict=True)) for speaker, counts in BY_SPEAKER.items()
        },
        totals={
            "disgust": 2,
            "fear": 40,
            "frustration": 1849,
            "other": 3,
            "surprise": 107,
            "undecided": 2507,
        },
        labels=frozenset(COUNTED),
        hours=6.99,
        hours_tolerance=0.02,
        shortest=0.575,  # 0.58 and 34.1 s are what is known, rounded
        longest=34.15,
        sample_rate=16000,
    )

    @cached_property
    def evaluation(self) -> Evaluation:
        """The label files, read once."""
        result = Evaluation()
        for path in _label_files(self.root):
            _read(self.root, path, result)
        for name in result.disputed:
            del result.turns[name]
        if self.settings.voted:
            for name, turn in result.turns.items():
                result.turns[name] = replace(turn, votes=self._votes(result.heard[name].values()))
        return result

    def listing(self) -> Listing:
        """All used turns; the problems begin with those of the label files.

        Raises:
            MissingCorpus: when there are no labels or no audio.
        """
        if not (self.evaluation.turns or self.evaluation.problems):
            raise self.missing()
        found = super().listing()
        problems = (*self.evaluation.problems, *found.problems)
        return replace(found, problems=problems, notes=(*found.notes, *self._unknown_categories()))

    def tabled(self) -> Iterable[Entry]:
        """Every labelled turn."""
        return self.evaluation.turns.values()

    def parse(self, path: PurePosixPath) -> Entry:
        """The labelled turn of that name, in the folder of its dialog and session."""
        match = TURN.fullmatch(path.stem)
        if match is None or path.parts[-5:-1] != _folders(path.stem, match["session"]):
            raise MisnamedFile
        turn = self.evaluation.turns.get(path.stem)
        if turn is None:
            raise UnusedFile("no label")
        return replace(turn, path=str(path))

    def _votes(self, heard: Iterable[set[str]]) -> str:
        """Votes for classes: of one evaluator for all classes of what they named, who may be none."""
        return write_votes(Ballots.of_annotators(heard).mapped(self.settings.labels))

    def _unknown_categories(self) -> Iterator[str]:
        """A note on words of evaluators that are no category."""
        if self.settings.voted and self.evaluation.unknown:
            words = [f"'{printable(word)}' ({n})" for word, n in self.evaluation.unknown.most_common()]
            yield f"evaluators named what is no category, and not counted as a vote: {first_of(words)}"


def _label_files(root: Path) -> Iterator[PurePosixPath]:
    """Paths below the root; resource forks and other hidden files left out."""
    for release in RELEASE:
        for file in sorted(root.glob(release + EVALUATIONS)):
            path = PurePosixPath(file.relative_to(root).as_posix())
            if not (file.is_dir() or any(part.startswith(".") for part in path.parts)):
                yield path


def _read(root: Path, path: PurePosixPath, result: Evaluation) -> None:
    """Add what the lines of one label file say: those that begin with `[` are of turns, votes follow them."""
    try:
        text = (root / path).read_text(encoding="latin-1")
    except OSError as error:
        result.problems.append((str(path), f"cannot be opened: {error.strerror}"))
        return
    turn = None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("["):
            _hear(line, turn, result)
            continue
        turn = None
        try:
            turn = _add(_turn(line, path.parents[3]), result)
        except ValueError as error:
            result.problems.append((f"{path}:{number}", str(error)))


def _turn(line: str, release: PurePosixPath) -> Entry:
    """The entry of a line: `[start - end]`, turn, code, `[valence, activation, dominance]`, tabs between."""
    fields = [part.strip() for part in line.split("\t")]
    match = TURN.fullmatch(fields[1]) if len(fields) >= 3 else None
    if match is None:
        raise ValueError(
            f"the line {line.strip()!r} is not '[start - end]', turn, label code, with tabs between"
        )
    name, code = fields[1:3]
    if code not in LABELS:
        raise ValueError(f"unknown label code '{code}' of {name}; the codes are {', '.join(LABELS)}")
    return Entry(
        utterance=f"iemocap/{name}",
        path=str(release.joinpath(*_folders(name, match["session"]), f"{name}.wav")),
        speaker=match["session"] + match["speaker"],
        gender=GENDERS[match["speaker"]],
        emotion=LABELS[code],
        sentence=match["script"] or "",
        session=match["session"],
    )


def _add(turn: Entry, result: Evaluation) -> str:
    """Add a turn, and give its name back."""
    name = turn.utterance.partition("/")[2]
    earlier = result.turns.setdefault(name, turn)
    if earlier.emotion != turn.emotion:
        result.disputed.add(name)
        raise ValueError(f"{name} is labelled {turn.emotion} here and {earlier.emotion} elsewhere")
    return name


def _hear(line: str, turn: str | None, result: Evaluation) -> None:
    """Add what an evaluator named, if the line is one of theirs; one who has two lines named both."""
    match = EVALUATOR.match(line)
    if turn is None or match is None:
        return
    named = result.heard[turn].setdefault(match["evaluator"], set())
    for part in match["categories"].split(";"):
        word = " ".join(part.split())
        if word.casefold() in CATEGORIES:
            named.add(CATEGORIES[word.casefold()])
        elif word:
            result.unknown[word] += 1


def _folders(turn: str, session: str) -> tuple[str, ...]:
    """Where the audio of a turn is, below the release; its dialog is its name without the last field."""
    return f"Session{session}", "sentences", "wav", turn.rsplit("_", 1)[0]
