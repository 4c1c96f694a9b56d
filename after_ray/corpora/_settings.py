"""Settings of corpora; importable without torch or pandas. No path in them ever enters a key."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from after_ray.settings import Settings, neutral

FOUR_CLASSES = {"anger": "anger", "happy": "happy", "neutral": "neutral", "sad": "sad"}
FoldScheme = Literal["speaker_groups", "sessions", "leave_one_speaker_out"]
# A class is listed with commas and written below its corpus with a slash.
CLASS_PATTERN = r"^[^\s/,][^/,]*$"
ClassName = Annotated[str, Field(pattern=CLASS_PATTERN)]
Labels = dict[str, ClassName]


def _declared(classes: tuple[str, ...]) -> tuple[str, ...]:
    if classes and len(set(classes)) < max(len(classes), 2):
        raise PydanticCustomError(
            "classes", "{classes}: name two classes or more, each once", {"classes": ", ".join(classes)}
        )
    return tuple(sorted(classes))


Classes = Annotated[tuple[ClassName, ...], Field(max_length=20), AfterValidator(_declared)]
# The name that somebody gives a corpus of their own.
Called = Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


NONE_PUBLISHED = "No votes of it are published; take another corpus, or 'label_noise', which needs none"


class FolderSettings(Settings):
    """A corpus that is a folder of audio files in its official layout.

    `labels` maps the corpus' own labels to classes, two of them to one class if wanted; files of labels
    that are not mapped are counted and not used. `exclude` names utterances to leave out (`03a01Fa`).
    `unusable`: what to do about files that cannot be used; `altered`: what to do when the corpus is not the
    official one.
    """

    own_labels: ClassVar[tuple[str, ...]] = ()
    """The labels that the corpus' names or tables can say."""
    own_folds: ClassVar[FoldScheme] = "speaker_groups"
    """How the corpus is cut into folds unless a protocol says otherwise."""
    votes_remedy: ClassVar[str] = NONE_PUBLISHED
    """What to do so that the votes of its annotators are read, as a sentence without its full stop."""
    test_corpus: ClassVar[str] = ""

    root: str
    labels: Labels = Field(default=FOUR_CLASSES)
    exclude: tuple[str, ...] = ()
    unusable: Literal["refuse", "skip"] = "refuse"
    altered: Literal["refuse", "accept"] = "refuse"

    @field_validator("labels")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for label in value:
            if label not in cls.own_labels:
                raise PydanticCustomError(
                    "label",
                    "unknown label '{label}' of this corpus; its labels are {allowed}",
                    {"label": label, "allowed": ", ".join(cls.own_labels)},
                )
        return value

    @property
    def title(self) -> str:
        """The name of the corpus in tables."""
        return str(self.name)  # type: ignore[attr-defined]

    @property
    def voted(self) -> bool:
        """Whether the votes of its annotators are read."""
        return getattr(self, "votes", "none") != "none"


class IemocapSettings(FolderSettings):
    """IEMOCAP, four classes: excitement counts as happiness, turns without a majority are not used.

    `votes: evaluators` adds what each of its evaluators heard; the label stays that of the release.
    """

    own_labels = (
        "anger", "disgust", "excited", "fear", "frustration", "happy", "neutral", "other", "sad", "surprise",
        "undecided",
    )  # fmt: skip
    own_folds = "sessions"
    votes_remedy = "Set 'votes: evaluators' in its block of the study"

    name: Literal["iemocap"] = "iemocap"
    labels: Labels = Field(default={**FOUR_CLASSES, "excited": "happy"})
    votes: Literal["none", "evaluators"] = "none"


class EmodbSettings(FolderSettings):
    """EMO-DB (Berlin Database of Emotional Speech), four classes."""

    own_labels = ("anger", "boredom", "disgust", "fear", "happy", "neutral", "sad")

    name: Literal["emodb"] = "emodb"


class ShemoSettings(FolderSettings):
    """ShEMO (Sharif Emotional Speech Database), Persian, four classes."""

    own_labels = ("anger", "fear", "happy", "neutral", "sad", "surprise")

    name: Literal["shemo"] = "shemo"


class RavdessSettings(FolderSettings):
    """RAVDESS audio-only speech, four classes (calm is left out)."""

    own_labels = ("anger", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")

    name: Literal["ravdess"] = "ravdess"


class EmovdbSettings(FolderSettings):
    """EmoV-DB: two of the four classes (amused is not taken as happy)."""

    own_labels = ("amused", "anger", "disgust", "neutral", "sleepiness")
    own_folds = "leave_one_speaker_out"  # four speakers

    name: Literal["emovdb"] = "emovdb"
    labels: Labels = Field(default={"anger": "anger", "neutral": "neutral"})


class CremadSettings(FolderSettings):
    """CREMA-D, four classes, by the emotion that the actor intended.

    `votes` adds those of the raters who had the voice alone (which is right for speech), the face alone or
    both. `label_by: votes` takes the label with most of them, and leaves out utterances where several have.
    """

    own_labels = ("anger", "disgust", "fear", "happy", "neutral", "sad")
    votes_remedy = "Set 'votes: voice' in its block of the study"

    name: Literal["cremad"] = "cremad"
    votes: Literal["none", "voice", "face", "audiovisual"] = "none"
    label_by: Literal["intended", "votes"] = "intended"

    @model_validator(mode="after")
    def _has_votes(self) -> CremadSettings:
        if self.label_by == "votes" and not self.voted:
            raise PydanticCustomError(
                "label_by", "'label_by: votes' needs votes; add 'votes: voice' (or face, or audiovisual)"
            )
        return self


class SaveeSettings(FolderSettings):
    """SAVEE, four classes."""

    own_labels = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    own_folds = "leave_one_speaker_out"  # four speakers

    name: Literal["savee"] = "savee"


class CsvSettings(Settings):
    """A user's own corpus: a CSV with a row per utterance and the columns path, speaker and emotion.

    Columns session, sentence, gender and votes (how many annotators heard which emotion, as in
    `anger=2 neutral=1`, or of how many who were asked, `anger=2 neutral=1 / 4`) are used where they are
    there, others are not. Paths are below `root`, by default the folder of `file`.

    `labels` maps the emotions of the CSV to classes, and to null those that are left out; without it every
    emotion is a class. `called` is the name of the corpus in tables and in the ids of its utterances, hence
    in keys; by default it is the CSV's name, so that renaming the CSV makes another corpus of it. `exclude`
    names utterances to leave out, by their path without its suffix (`calls/0001`).

    `classes`: those that people tell apart who label it for the study (`after-ray annotate`); the CSV's
    emotions and votes are then not read, and need not be there.
    """

    own_folds: ClassVar[FoldScheme] = "speaker_groups"
    test_corpus: ClassVar[str] = ""
    votes_remedy: ClassVar[str] = "Fill the column 'votes' of its table in every row"

    name: Literal["csv"] = "csv"
    file: str = Field(min_length=1)
    root: str | None = None
    called: Called = None
    labels: dict[str, ClassName | None] | None = None
    exclude: tuple[str, ...] = neutral(())
    unusable: Literal["refuse", "skip"] = "refuse"
    classes: Classes = neutral(())

    @model_validator(mode="after")
    def _labelled_once(self) -> CsvSettings:
        if self.classes and self.labels is not None:
            raise PydanticCustomError(
                "classes",
                "'classes' are for people who label it, 'labels' for what is labelled; leave one out",
            )
        return self

    @property
    def title(self) -> str:
        """The name of the corpus in tables."""
        return self.called or _as_name(PurePosixPath(self.file).stem)


class UnlabelledSettings(Settings):
    """A folder of audio without labels, at any depth.

    `speaker`: `folder` takes the first folder below the root as the speaker (files that lie in none are
    speakers of their own), `file` makes every file its own. `called`: the name of the corpus in tables and
    in the ids of its utterances; the folder's by default. `classes`: those that people tell apart who label
    it for the study (`after-ray annotate`).
    """

    own_folds: ClassVar[FoldScheme] = "speaker_groups"
    test_corpus: ClassVar[str] = ""

    name: Literal["unlabelled"] = "unlabelled"
    root: str = Field(min_length=1)
    called: Called = None
    speaker: Literal["folder", "file"] = "folder"
    unusable: Literal["refuse", "skip"] = "refuse"
    classes: Classes = neutral(())

    @property
    def title(self) -> str:
        """The name of the corpus in tables."""
        return self.called or _as_name(PurePosixPath(self.root).name)


class SyntheticSettings(Settings):
    """Generated speech-like utterances: every speaker says every sentence in every emotion.

    `seconds` is the mean length; `difficulty` scales how far utterances of one emotion scatter.
    """

    own_folds: ClassVar[FoldScheme] = "speaker_groups"
    test_corpus: ClassVar[str] = ""
    votes_remedy: ClassVar[str] = NONE_PUBLISHED
    title: ClassVar[str] = "synthetic"

    name: Literal["synthetic"] = "synthetic"
    speakers: int = Field(default=10, ge=2, le=99)
    sentences: int = Field(default=4, ge=1, le=99)
    repetitions: int = Field(default=1, ge=1, le=99)
    seconds: float = Field(default=1.4, ge=0.5, le=30)
    difficulty: float = Field(default=1.0, ge=0, le=10)
    seed: int = Field(default=0, ge=0)


MemberSettings = Annotated[
    IemocapSettings
    | EmodbSettings
    | ShemoSettings
    | RavdessSettings
    | EmovdbSettings
    | CremadSettings
    | SaveeSettings
    | CsvSettings
    | SyntheticSettings,
    Field(discriminator="name"),
]

_VOTES_REMEDIES: dict[str, str] = {
    model.model_fields["name"].default: model.votes_remedy for model in get_args(get_args(MemberSettings)[0])
}


def votes_remedy(corpus: str) -> str:
    """What to do so that the votes of a corpus are read; one of an unknown name is somebody's table."""
    return _VOTES_REMEDIES.get(corpus, CsvSettings.votes_remedy)


SIX_CORPORA = ("iemocap", "emodb", "shemo", "ravdess", "emovdb", "cremad")
# What the presets change in their members, and which members they have.
MERGED_PRESETS: dict[str, tuple[tuple[str, ...], dict[str, dict[str, Any]]]] = {
    "six_corpora": (SIX_CORPORA, {}),
    "merged_grouped": (SIX_CORPORA, {}),
    "own": ((), {}),
    "paper_table1": (SIX_CORPORA, {"emodb": {"labels": {**FOUR_CLASSES, "fear": "anger"}}}),
    "repo_json": (
        ("iemocap", "shemo", "ravdess", "emovdb", "cremad"),
        {"shemo": {"exclude": ("M02A14", "M55H01")}},
    ),
}


class MergedSettings(Settings):
    """Several corpora as one; speakers, sentences and sessions are told apart by their corpus.

    `members` are corpora, or names of corpora in folders of that name below `root`; a preset names them by
    default. One of them, the `test_corpus`, is cut into folds and tested on; all others are always trained
    on. With `merged_grouped` every member is cut into folds.

    Presets: `six_corpora` (four clean classes), `paper_table1` (EMO-DB's fear counted as anger, as the counts
    of the paper's Table 1 imply), `repo_json` (the label file published with the paper's code, which has no
    EMO-DB), `merged_grouped`. `members` without a preset, or with `merged_grouped`, are a study's `own`.
    """

    name: Literal["merged"] = "merged"
    preset: Literal["six_corpora", "paper_table1", "repo_json", "merged_grouped", "own"] = "six_corpora"
    root: str | None = None
    members: tuple[MemberSettings, ...]
    test_corpus: str = ""
    called: Called = None

    @model_validator(mode="before")
    @classmethod
    def _fill_members(cls, value: Any) -> Any:
        """Names become settings: the folder of that name below `root`, with what the preset says."""
        if not isinstance(value, dict):
            return value
        preset = value.get("preset", "own" if "members" in value else "six_corpora")
        names, changes = MERGED_PRESETS.get(preset, ((), {}))
        members = value.get("members", names)
        if preset not in MERGED_PRESETS or not isinstance(members, list | tuple):
            return value  # refused by the field itself
        filled = tuple(_member(item, value.get("root"), changes) for item in members)
        return {**value, "preset": preset, "members": filled}

    @model_validator(mode="after")
    def _fits_together(self) -> MergedSettings:
        names = [member.title for member in self.members]
        if len(names) < 2:
            raise PydanticCustomError(
                "members", "{count} member(s); merging takes two or more", {"count": len(names)}
            )
        wanted = MERGED_PRESETS[self.preset][0]
        if self.preset not in ("own", "merged_grouped") and set(names) != set(wanted):
            raise PydanticCustomError(
                "members",
                "the preset {preset} has the members {wanted}; leave 'preset' out to choose others",
                {"preset": self.preset, "wanted": ", ".join(wanted)},
            )
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise PydanticCustomError("repeated", "the member {name} is listed twice", {"name": repeated})
        if self.preset == "merged_grouped":
            if self.test_corpus:
                raise PydanticCustomError(
                    "test_corpus", "merged_grouped tests every member; name no test_corpus"
                )
            return self
        chosen = self.test_corpus or next((name for name in ("iemocap", "emodb") if name in names), "")
        if chosen not in names:
            missing = "none is named, and neither iemocap nor emodb is a member"
            problem = f"'{chosen}' is not a member" if chosen else missing
            raise PydanticCustomError(
                "test_corpus",
                "test_corpus: {problem}; name one of {names}",
                {"problem": problem, "names": ", ".join(names)},
            )
        object.__setattr__(self, "test_corpus", chosen)
        return self

    @property
    def title(self) -> str:
        """The name of the corpus in tables."""
        return self.called or ("merged" if self.preset in ("six_corpora", "own") else self.preset)

    @property
    def own_folds(self) -> FoldScheme:
        """That of the test corpus; speakers of every member are grouped where there is none."""
        return next(
            (member.own_folds for member in self.members if member.title == self.test_corpus),
            "speaker_groups",
        )


CorpusSettings = Annotated[
    IemocapSettings
    | EmodbSettings
    | ShemoSettings
    | RavdessSettings
    | EmovdbSettings
    | CremadSettings
    | SaveeSettings
    | CsvSettings
    | UnlabelledSettings
    | SyntheticSettings
    | MergedSettings,
    Field(discriminator="name"),
]
CORPUS_NAMES: tuple[str, ...] = tuple(
    sorted(model.model_fields["name"].default for model in get_args(get_args(CorpusSettings)[0]))
)


def _member(item: Any, root: str | None, changes: dict[str, dict[str, Any]]) -> Any:
    if isinstance(item, str):
        item = {"name": item}
    if not isinstance(item, dict):
        return item
    name = item.get("name")
    below = {} if root is None or name in ("csv", "synthetic") else {"root": f"{root}/{name}"}
    return {**below, **changes.get(str(name), {}), **item}


def _as_name(text: str) -> str:
    """The name of a file or folder as a name for tables, with a dash for what that may not hold."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in text)
    return kept.lstrip("_.-") or "own"
