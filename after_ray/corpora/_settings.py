"""Settings of corpora; importable without torch or pandas. No path in them ever enters a key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from after_ray.settings import Settings


class FolderSettings(Settings):
    """A corpus that is a folder of audio files; `unusable`: what to do about files that cannot be used."""

    root: str
    unusable: Literal["refuse", "skip"] = "refuse"


class EmodbSettings(FolderSettings):
    """EMO-DB (Berlin Database of Emotional Speech), four classes."""

    name: Literal["emodb"] = "emodb"


class RavdessSettings(FolderSettings):
    """RAVDESS audio-only speech, four classes (calm is left out)."""

    name: Literal["ravdess"] = "ravdess"


class SyntheticSettings(Settings):
    """Generated speech-like utterances: every speaker says every sentence in every emotion.

    `seconds` is the mean length; `difficulty` scales how far utterances of one emotion scatter.
    """

    name: Literal["synthetic"] = "synthetic"
    speakers: int = Field(default=10, ge=2, le=99)
    sentences: int = Field(default=4, ge=1, le=99)
    repetitions: int = Field(default=1, ge=1, le=99)
    seconds: float = Field(default=1.4, ge=0.5, le=30)
    difficulty: float = Field(default=1.0, ge=0, le=10)
    seed: int = Field(default=0, ge=0)


CorpusSettings = Annotated[EmodbSettings | RavdessSettings | SyntheticSettings, Field(discriminator="name")]
