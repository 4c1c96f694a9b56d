"""How each corpus of a study is cut into folds: what its protocol asks, settled for that corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from after_ray.corpora._settings import CorpusSettings
from after_ray.errors import BadFoldFile, BadValue
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldSettings, ValidationRequest, ValidationSettings
from after_ray.splits.fold_file import FoldTable
from after_ray.splits.folds import settle
from after_ray.stages import FoldsStage
from sweeps.declaration import Study


@dataclass(frozen=True)
class Split:
    """How one corpus of a study is cut: the stage that means it, and the folds themselves."""

    stage: FoldsStage
    table: FoldTable

    def choice(self, index: int) -> FoldChoice:
        """One of its folds."""
        return FoldChoice(folds=self.stage.folds, validation=self.stage.validation, index=index)


def split_corpus(study: Study, corpus: CorpusSettings, manifest: Manifest) -> Split:
    """The folds of one corpus of a study, as its protocol asks.

    Raises:
        BadFold: when the corpus cannot be cut so.
        BadFoldFile: when the study names a fold file of another manifest, or asks for another validation.
    """
    request = study.protocol.folds
    if request.file is not None:
        return _from_file(Path(request.file), manifest, study.protocol.validation)
    settled = settle(request, manifest, corpus.own_folds, corpus.test_corpus)
    validation = study.protocol.validation.settings
    table = FoldTable.make(manifest, settled, validation)
    return Split(FoldsStage(manifest.digest, settled, validation), table)


def _from_file(path: Path, manifest: Manifest, asked: ValidationRequest) -> Split:
    """What a fold file says; where this machine would make the same folds, it also means the same."""
    table = FoldTable.read(path, manifest)
    try:
        folds = FoldSettings.model_validate(table.made.get("folds"))
        drawn = ValidationSettings.model_validate(table.made.get("validation"))
    except ValidationError as error:
        raise BadFoldFile(path, "its first line does not say how the folds were made") from error
    for name in asked.model_fields_set & ValidationSettings.model_fields.keys():
        theirs, ours = getattr(drawn, name), getattr(asked, name)
        if theirs != ours:
            problem = f"its validation has {name} {theirs}, and the study asks for {name} {ours}"
            raise BadFoldFile(path, f"{problem} (leave 'validation' out of the study to take the file's)")
    if folds.scheme == "file" or FoldTable.make(manifest, folds, drawn).digest != table.digest:
        folds = FoldSettings(scheme="file", count=len(table.folds), digest=table.digest)
    return Split(FoldsStage(manifest.digest, folds, drawn), table)


def fold_indices(study: Study, count: int) -> tuple[int, ...]:
    """The folds a study asks for, of the `count` that a corpus has.

    Raises:
        BadValue: when a fold is not below that number.
    """
    wanted = study.folds_wanted
    if wanted == "all":
        return tuple(range(count))
    for index in wanted:
        if index >= count:
            raise BadValue("fold", index, f"0 to {count - 1} (the corpus is cut into {count})")
    return wanted
