"""Beginning a labelling: a study's choices, on recordings that nobody has labelled."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from after_ray.corpora._settings import Classes, CorpusSettings, MergedSettings
from after_ray.errors import AfterRayError, BadValue
from after_ray.labelling import CANNOT_TELL, STUDY_FILE, Labelling, labelling_place, labellings
from after_ray.store import Store
from after_ray.votes import Ballots, write_votes
from after_ray.wording import printable
from sweeps.planning.heard import refuse_knowing_backbones
from sweeps.planning.opening import CorpusProgress, OpenStudy, open_study
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.splitting import refuse_shared_recordings

REPEATED = ("fold", "seed")  # axes that repeat an experiment: a labelling takes the first of each
CHOSEN = ("classifier", "backbone", "adaptation", "strategy", "initialization", "restart")
KEPT = (*CHOSEN, "frame_losses", "schedule", "protocol", "resources")  # the rest is about simulations
SYNTHETIC = ("anger", "happy", "neutral", "sad")


@dataclass(frozen=True)
class Wishes:
    """What somebody wants labelled, and how.

    Attributes:
        audio: a folder of recordings, or a CSV with the columns path and speaker.
        classes: to tell apart; those of the study by default.
        annotators: that hear every utterance.
        soft: whether their shares are trained on, and not what most say.
        validation, test: how many utterances of these parts are labelled at most; None: all.
        skip_unusable: whether files that cannot be used are left out.
    """

    audio: Path
    classes: tuple[str, ...] = ()
    annotators: int = 1
    soft: bool = False
    validation: int | None = None
    test: int | None = None
    skip_unusable: bool = False


class NothingToChooseFrom(AfterRayError):
    """A study that says no classes."""

    def __init__(self, study: str) -> None:
        super().__init__(
            f"The corpus of '{study}' does not say which classes there are before it is read; name them with "
            "--classes anger,happy,neutral,sad."
        )


class SeveralWays(AfterRayError):
    """A study with several values of an axis that people cannot label for at once."""

    def __init__(self, axis: str, values: Sequence[str]) -> None:
        super().__init__(
            f"The study has {len(values)} values of '{axis}' ({', '.join(values)}), and people label for "
            f"one; choose it with --set {axis}={values[0]}."
        )


class SeveralParts(AfterRayError):
    """A study of parts, each with choices of its own."""

    def __init__(self, study: str, parts: int) -> None:
        super().__init__(
            f"'{study}' has {parts} parts, and people label for one choice of everything; write the part "
            "that you want as a study of its own."
        )


class NoChoiceYet(AfterRayError):
    """A study that says how to find a choice, and not which."""

    def __init__(self, study: str, what: str) -> None:
        super().__init__(
            f"'{study}' has {what}, and people label for one configuration and a strategy that chooses; give "
            "the study that 'after-ray search' wrote, or one with a strategy of its own."
        )


class LabellingThere(AfterRayError):
    """A second labelling of one name."""

    def __init__(self, study: str, store: str) -> None:
        super().__init__(
            f"A labelling for the study '{study}' has begun in {store}; go on with 'after-ray annotate "
            "next', or begin another one under another name: --set study=NAME."
        )


def start(
    path: Path,
    overrides: Sequence[str],
    wishes: Wishes,
    store: Store,
    progress: CorpusProgress | None = None,
) -> tuple[Labelling, OpenStudy]:
    """Write the study that waits for people into the store, and open it.

    Raises:
        AfterRayError: one sentence about the first thing that is wrong; nothing is written then.
    """
    given = load_study(path, overrides)
    values = one_way(given)
    classes = wishes.classes or _classes_of(given)
    _refuse_unusable(wishes.audio, classes)
    name = secrets.token_hex(6)
    values |= {"corpus": _corpus(wishes, classes), "annotation": _annotation(wishes, name)}
    refuse_second(store, given.study)
    place = labelling_place(store.place, name)
    file = place.local / STUDY_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    place.write(STUDY_FILE, yaml.safe_dump(values, sort_keys=False, allow_unicode=True).encode())
    try:
        if not place.on_disk:
            place.fetch(STUDY_FILE, file)
        opened = open_study(file, store.url, (), progress)
        refuse_leaks(opened)
        labelling = Labelling(
            name=name,
            study=given.study,
            classes=opened.scans[0].manifest.classes,
            per_clip=wishes.annotators,
        )
        if not labelling.write(store.place):
            raise LabellingThere(given.study, store.url)
        refuse_second(store, given.study, name)  # of two at the same moment neither may be asked for by name
    except BaseException:
        place.remove_folder("")
        with suppress(OSError):  # others have begun
            place.local.parent.rmdir()
        raise
    return labelling, opened


def refuse_leaks(opened: OpenStudy) -> None:
    """Refuse recordings that are in two parts of a fold, and backbones that know the labels of test.

    Raises:
        AfterRayError: naming them.
    """
    for scanned, split in zip(opened.scans, opened.plan.splits, strict=True):
        refuse_shared_recordings(split, scanned.manifest)
    refuse_knowing_backbones(opened)


def one_way(study: Study) -> dict[str, Any]:
    """The values of a study for one trajectory; of folds and seeds the first.

    Raises:
        SeveralWays: when another axis has several values.
        SeveralParts: when it has parts.
        NoChoiceYet: when it searches or replays.
    """
    if study.parts:
        raise SeveralParts(study.study, len(study.parts))
    if study.search is not None or study.replays:
        raise NoChoiceYet(study.study, "a search" if study.search is not None else "a replay")
    for axis in CHOSEN:
        found = getattr(study, axis)
        if len(found) > 1:
            raise SeveralWays(axis, [_called(one) for one in found])
    said = study.model_dump(mode="json", include={"study", "description", *KEPT})
    fold = 0 if study.folds_wanted == "all" else study.folds_wanted[0]
    values = {key: value for key, value in said.items() if value not in ([], "")}
    return values | {"fold": fold, "seed": study.seed[0]}


def refuse_second(store: Store, study: str, own: str = "") -> None:
    """Refuse to begin what has begun under another name than `own`."""
    if any(one.study == study and one.name != own for one in labellings(store.place)):
        raise LabellingThere(study, store.url)


def _refuse_unusable(audio: Path, classes: Sequence[str]) -> None:
    """Refuse recordings that are not there, and classes to choose from that are none."""
    if not audio.expanduser().exists():
        allowed = "a folder of recordings, or a CSV with the columns path and speaker; it is not there"
        raise BadValue("--audio", printable(str(audio)), allowed)
    told = {name for name in classes if name.casefold() in CANNOT_TELL}
    try:
        TypeAdapter(Classes).validate_python(classes)
        write_votes(Ballots.of_counts(dict.fromkeys(classes, 1)))
    except (ValidationError, AfterRayError):
        told = {*classes}
    if told:
        allowed = (
            "2 to 20 names with commas between, each once, without '/' and without a blank after a '=', and "
            "none of the words for who cannot tell; such as anger,happy,neutral,sad"
        )
        raise BadValue("--classes", printable(",".join(classes)), allowed)


def _called(value: Any) -> str:
    """A value of an axis as a study writes it."""
    return "none" if value is None else getattr(value, "name", None) or str(value)


def _corpus(wishes: Wishes, classes: Sequence[str]) -> dict[str, Any]:
    audio = wishes.audio.expanduser().absolute()
    said = {"classes": list(classes), "unusable": "skip" if wishes.skip_unusable else "refuse"}
    if audio.is_dir():
        return {"name": "unlabelled", "root": str(audio)} | said
    return {"name": "csv", "file": str(audio)} | said


def _annotation(wishes: Wishes, name: str) -> dict[str, Any]:
    limits = {"validation": wishes.validation, "test": wishes.test}
    said: dict[str, Any] = {"name": "people", "labelling": name, "by": "soft" if wishes.soft else "majority"}
    return said | {key: value for key, value in limits.items() if value is not None}


def _classes_of(study: Study) -> tuple[str, ...]:
    """The classes that the corpora of a study map to, as far as its file says."""
    found = {name for corpus in study.corpus for name in _said_by(corpus)}
    if not found:
        raise NothingToChooseFrom(study.study)
    return tuple(sorted(found))


def _said_by(corpus: CorpusSettings) -> Sequence[str]:
    if isinstance(corpus, MergedSettings):
        return [name for member in corpus.members for name in _said_by(member)]
    if corpus.name == "synthetic":
        return SYNTHETIC
    labels = getattr(corpus, "labels", None) or {}
    return [name for name in labels.values() if name] or list(getattr(corpus, "classes", ()))
