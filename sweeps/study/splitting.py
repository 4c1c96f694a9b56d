"""How each corpus of a study is cut into folds: what its protocol asks, settled for that corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import BadFoldFile, BadValue, SharedRecordings
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationRequest, ValidationSettings
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.folds import settle
from after_ray.splits.overlap import heard_twice
from after_ray.stages import FoldsStage
from sweeps.study.declaration import Study


@dataclass(frozen=True)
class Split:
    """How one corpus of a study is cut: the stage that means it, all folds, and which of them are `run`."""

    stage: FoldsStage
    table: FoldTable
    run: tuple[int, ...]

    def choice(self, index: int) -> FoldChoice:
        """One of its folds."""
        return FoldChoice(folds=self.stage.folds, validation=self.stage.validation, index=index)


Standing = Callable[[FoldsStage, Manifest], FoldTable | None]
"""The folds that a store holds under a stage's key, if any."""


def split_corpus(study: Study, corpus: CorpusSettings, manifest: Manifest, standing: Standing) -> Split:
    """The folds of one corpus of a study, as its protocol asks; those that stand in the store come first.

    Raises:
        BadFold: when the corpus cannot be cut so.
        BadFoldFile: when the study names a fold file of another manifest, or asks for another validation.
    """
    request = study.protocol.folds
    if request.file is not None:
        stage, table = _from_file(Path(request.file), manifest, study.protocol.validation, standing)
        return Split(stage, table, _run(study, table))
    settled = settle(request, manifest, corpus.own_folds, corpus.test_corpus)
    validation = study.protocol.validation.settings
    stage = FoldsStage(manifest.digest, settled, validation)
    table = standing(stage, manifest) or _make(stage, manifest)
    return Split(stage, table, _run(study, table))


def refuse_shared_recordings(split: Split, manifest: Manifest) -> None:
    """Refuse to train on what is tested: the same samples under two names, which no check of speakers sees.

    Raises:
        SharedRecordings: naming them.
    """
    found = {index: heard_twice(manifest, split.table.folds[index]) for index in split.run}
    pairs = {frozenset(pair) for crossing in found.values() for pair in crossing}
    if pairs:
        places = [
            f"{tested} (test) = {heard} in fold {index} of {manifest.corpus}"
            for index, crossing in found.items()
            for tested, heard in crossing
        ]
        raise SharedRecordings(len(pairs), places)


def _from_file(
    path: Path, manifest: Manifest, asked: ValidationRequest, standing: Standing
) -> tuple[FoldsStage, FoldTable]:
    """What a fold file says; where this machine would make the same folds, it also means the same."""
    table = FoldTable.read(path, manifest)
    try:
        folds = FoldSettings.model_validate(table.made.get("folds"))
        drawn = ValidationSettings.model_validate(table.made.get("validation"))
    except ValidationError as error:
        raise BadFoldFile(path, "its first line does not say how the folds were made") from error
    _refuse_other_validation(path, drawn, asked)
    stage = FoldsStage(manifest.digest, folds, drawn)
    if folds.scheme != "file":
        usual = standing(stage, manifest) or _make(stage, manifest)
        if usual.digest == table.digest:
            return stage, table
    # What the first line says of edited folds is no part of what they mean, but for the choice of the test.
    of_test = any(fold.validation_is_of_test for fold in table.folds)
    drawn = ValidationSettings(draw="half_of_test") if of_test else ValidationSettings()
    folds = FoldSettings(scheme="file", count=len(table.folds), digest=table.digest)
    return FoldsStage(manifest.digest, folds, drawn), table


def _refuse_other_validation(path: Path, drawn: ValidationSettings, asked: ValidationRequest) -> None:
    """Only what a study or its preset names can contradict the file; what is left open it decides."""
    for name in sorted(asked.model_fields_set & ValidationSettings.model_fields.keys()):
        theirs, ours = getattr(drawn, name), getattr(asked, name)
        if theirs != ours:
            problem = f"its validation has {name} {theirs}, and the study asks for {name} {ours}"
            raise BadFoldFile(path, f"{problem} (leave 'validation' out of the study to take the file's)")


def _make(stage: FoldsStage, manifest: Manifest) -> FoldTable:
    return FoldTable.make(manifest, stage.folds, stage.validation)


def _run(study: Study, table: FoldTable) -> tuple[int, ...]:
    """The folds that a study asks for, of those that a corpus has.

    Raises:
        BadValue: when a fold is not below their number.
    """
    count, wanted = len(table.folds), study.folds_wanted
    if wanted == "all":
        return tuple(range(count))
    for index in wanted:
        if index >= count:
            raise BadValue("fold", index, f"0 to {count - 1} (the corpus is cut into {count})")
    return wanted
