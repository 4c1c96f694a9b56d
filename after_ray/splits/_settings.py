"""Settings of folds and of the validation draw: what a protocol asks for, and what a corpus makes of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from after_ray.settings import Settings, neutral

FoldScheme = Literal["speaker_groups", "sessions", "leave_one_speaker_out", "utterances", "file"]
Balance = Literal["none", "per_class_cap"]
Draw = Literal["by_utterance", "by_speaker", "half_of_test"]
ValidationCap = Literal["none", "labelled"]


class FoldSettings(Settings):
    """How one corpus is cut into test folds; part of every key.

    `speaker_groups`: speakers are dealt into `count` groups, balanced in gender and utterances, those who
    were only ever recorded together into the same one; each group is the test part of one fold.
    `sessions`, `leave_one_speaker_out`: each session or speaker is. `utterances`: they are dealt at random,
    class by class, so that every speaker is trained on and tested (the choice of some published baselines).
    `file`: as a fold file says, `digest` being that of its parts.

    `test_corpus`: of several merged corpora the one that is cut; the others are trained on in every fold.
    `balance`: `per_class_cap` thins every class of train to the rarest one's size.
    """

    scheme: FoldScheme = "speaker_groups"
    count: int = Field(default=5, ge=2)
    test_corpus: str = neutral("")
    balance: Balance = neutral("none")
    digest: str = neutral("")


class ValidationSettings(Settings):
    """The validation draw; it belongs to the fold and not to the seed.

    `by_utterance`: `share` percent of what is not test, stratified by corpus and class. `by_speaker`: whole
    speakers, nearest to that share. `half_of_test`: the held-out part is cut at random into halves, and one
    of them is tested on (the official code; validation then shares speakers with test).
    """

    share: float = Field(default=10.0, ge=1, lt=100, description="percent")
    draw: Draw = neutral("by_utterance")


class FoldChoice(Settings):
    """One fold of a corpus: everything that decides which utterance is train, validation or test."""

    folds: FoldSettings = FoldSettings()
    validation: ValidationSettings = ValidationSettings()
    index: int = Field(default=0, ge=0)


class FoldRequest(Settings):
    """What a protocol says of folds; `after_ray.splits.folds.settle` turns it into settings of one corpus.

    `own`: the corpus' usual scheme (IEMOCAP by session, EmoV-DB and SAVEE by speaker, others by groups of
    speakers). `count` is for groups of speakers and for `utterances`, 5 by default. `file`: a fold file that
    `after-ray corpora folds` wrote.
    """

    scheme: Literal["own", "speaker_groups", "sessions", "leave_one_speaker_out", "utterances", "file"] = (
        "own"
    )
    count: int | None = Field(default=None, ge=2)
    balance: Balance = "none"
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """`folds: sessions` is short for `{scheme: sessions}`; a file implies its scheme."""
        if isinstance(value, str):
            return {"scheme": value}
        if isinstance(value, dict) and "file" in value:
            return {"scheme": "file", **value}
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> FoldRequest:
        if (self.scheme == "file") != (self.file is not None):
            raise PydanticCustomError(
                "folds", "the scheme 'file' and a 'file:' go together; give both or neither"
            )
        if self.file is not None and (self.count is not None or self.balance != "none"):
            raise PydanticCustomError("folds", "a fold file says everything; leave 'count' and 'balance' out")
        return self


class ValidationRequest(ValidationSettings):
    """What a protocol says of validation: the draw, and how much of it a round may use.

    `cap: labelled`: a round's early stopping sees at most as many validation utterances as are labelled.
    """

    cap: ValidationCap = "none"

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        """`validation: by_speaker` is short for `{draw: by_speaker}`."""
        return {"draw": value} if isinstance(value, str) else value

    @property
    def settings(self) -> ValidationSettings:
        """The draw alone, which is part of the fold."""
        return ValidationSettings(share=self.share, draw=self.draw)
