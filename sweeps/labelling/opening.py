"""A labelling that has begun: found in the store, opened with its study, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from after_ray.errors import AfterRayError
from after_ray.labelling import (
    STUDY_FILE,
    Asked,
    Clip,
    Decision,
    Frozen,
    Journal,
    Labelling,
    Undecided,
    decide,
    labelling_place,
    labellings,
)
from after_ray.store import Store
from after_ray.store.places import Place
from sweeps.planning.opening import CorpusProgress, OpenStudy, open_study
from sweeps.planning.trajectories import Trajectory


class WhichLabelling(AfterRayError):
    """No labelling, or several where one is meant."""

    def __init__(self, store: str, names: Sequence[str], asked: str | None) -> None:
        if not names:
            told = f"No labelling has begun in {store}; begin one: after-ray annotate start STUDY --audio DIR"
        elif asked is None:
            told = f"{store} has labellings of {', '.join(names)}; say which one with --study NAME"
        else:
            told = f"{store} has no labelling of '{asked}'; allowed: {', '.join(names)}"
        super().__init__(f"{told}.")


class ChangedLabelling(AfterRayError):
    """A labelling whose recordings or study are not those that its answers were given for."""

    def __init__(self, study: str, root: Path, file: str, number: int) -> None:
        super().__init__(
            f"Round {number} of '{study}' was labelled for other recordings or another study than there are "
            f"now: files below {root} were added, removed or changed, or {file} was. Put them back as they "
            "were, or begin another labelling under another name: --set study=NAME."
        )


def the_labelling(store: Store, study: str | None) -> Labelling:
    """The one of a study's name, or the only one.

    Raises:
        WhichLabelling: when there is none, or several and no name.
    """
    found = labellings(store.place)
    chosen = found if study is None else [one for one in found if one.study == study]
    if len(chosen) != 1:
        raise WhichLabelling(store.url, [one.study for one in found], study)
    return chosen[0]


@dataclass(frozen=True)
class OpenLabelling:
    """A labelling, its study, and the only trajectory of that."""

    labelling: Labelling
    opened: OpenStudy

    @classmethod
    def of(cls, store: Store, study: str | None, progress: CorpusProgress | None = None) -> OpenLabelling:
        """Open the labelling of a study's name, or the only one of a store."""
        labelling = the_labelling(store, study)
        place = labelling_place(store.place, labelling.name)
        file = place.local / STUDY_FILE
        if not place.on_disk:
            file.parent.mkdir(parents=True, exist_ok=True)
            place.fetch(STUDY_FILE, file)
        return cls(labelling, open_study(file, store.url, (), progress))

    @property
    def store(self) -> Store:
        """Where everything of it is."""
        return self.opened.store

    @property
    def place(self) -> Place:
        """Where what is its own is."""
        return labelling_place(self.store.place, self.labelling.name)

    @property
    def trajectory(self) -> Trajectory:
        """The rounds that people label."""
        (only,) = self.opened.plan.trajectories
        return only

    @property
    def root(self) -> Path:
        """The folder that paths of clips are below."""
        (corpus,) = self.opened.study.corpus
        root = getattr(corpus, "root", None)
        return Path(root) if root else Path(corpus.file).parent  # type: ignore[union-attr]

    @cached_property
    def journal(self) -> Journal:
        """What people have said."""
        return Journal(self.place)

    def stands(self) -> Standing:
        """How far it is, as the store says now.

        Raises:
            ChangedLabelling: when answers that were trained on are of other recordings.
        """
        frozen = Frozen.read(self.place)
        for number, stage in enumerate(self.trajectory.stages[: frozen.rounds]):
            before = Asked.read(self.place, number)
            if before is not None and before.key != stage.key:
                told = self.place.told(STUDY_FILE)
                raise ChangedLabelling(self.labelling.study, self.root, told, number)
        finished = self.store.ledger.finished()
        done = sum(stage.key in finished for stage in self.trajectory.stages)
        asked = Asked.read(self.place, frozen.rounds) if frozen.rounds < len(self.trajectory.stages) else None
        if asked is not None and asked.key != self.trajectory.stages[frozen.rounds].key:
            asked = None  # of a study file that was changed since
        return Standing(self, frozen, done, asked)

    def decided(self, clips: Sequence[Clip]) -> dict[str, Decision | Undecided]:
        """What the answers about clips come to.

        Only what is trained on has shares: what judges a model has one class, so that a tie waits there.
        """
        standing = self.journal.standing()
        by, per_clip = self.trajectory.first.annotation.by, self.labelling.per_clip
        return {
            clip.utterance: decide(
                tuple(standing.get(clip.utterance, {}).values()),
                per_clip,
                by if clip.part == "train" else "majority",
            )
            for clip in clips
        }


@dataclass(frozen=True)
class Standing:
    """How far a labelling is.

    Attributes:
        frozen: the answers that trainings have begun with.
        done: rounds that are trained.
        asked: what the next round asks; None where it has not chosen yet, or all rounds are labelled.
    """

    of: OpenLabelling
    frozen: Frozen
    done: int
    asked: Asked | None

    @property
    def rounds(self) -> int:
        """How many there are in all."""
        return len(self.of.trajectory.stages)

    @property
    def finished(self) -> bool:
        """Whether the last round is trained."""
        return self.done == self.rounds

    @cached_property
    def undecided(self) -> dict[str, Undecided]:
        """By utterance what is asked now and still waits."""
        clips = () if self.asked is None else self.asked.clips
        decided = self.of.decided(clips)
        return {name: one for name, one in decided.items() if isinstance(one, Undecided)}

    @property
    def waiting(self) -> tuple[Clip, ...]:
        """The clips that wait for an answer, in the order asked."""
        clips = () if self.asked is None else self.asked.clips
        return tuple(clip for clip in clips if clip.utterance in self.undecided)
