"""Settings of folds and of the validation draw."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from after_ray.settings import Settings


class FoldSettings(Settings):
    """How a corpus is cut into speaker-independent test folds.

    `speaker_groups`: speakers are dealt into `count` groups, balanced in gender and utterances; each group
    is the test part of one fold.
    """

    scheme: Literal["speaker_groups"] = "speaker_groups"
    count: int = Field(default=5, ge=2)


class ValidationSettings(Settings):
    """The validation draw: `share` percent of the training speakers' utterances, stratified by class.

    It belongs to the fold and not to the seed (protocol ruling 5).
    """

    share: float = Field(default=10.0, gt=0, lt=100)


class FoldChoice(Settings):
    """One fold of a corpus: everything that decides which utterance is train, validation or test."""

    folds: FoldSettings = FoldSettings()
    validation: ValidationSettings = ValidationSettings()
    index: int = Field(default=0, ge=0)
