"""What a report says of a study beside its results; who writes the report knows it, the records do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Weights = Literal["random", "pretrained", "none"]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Copy:
    """How a copy of a corpus agrees with the official release.

    Attributes:
        level: official, converted, altered, none (nobody released it) or unknown.
        differences: a clause for each way in which an altered copy is another.
        members: the copies that a merged corpus is made of, by name.
    """

    level: str = UNKNOWN
    differences: tuple[str, ...] = ()
    members: Mapping[str, Copy] = field(default_factory=dict)


@dataclass(frozen=True)
class CorpusInfo:
    """One corpus of a study, in texts for people; what is empty is read off the results or left out.

    Attributes:
        train, validation, test: utterances of a fold, a number or a range.
        shared_sentences: sentences spoken both in test and in what is trained on.
        copy: as it is read now; a record that names its own level is believed more.
        folds, validation_draw: how they were made.
        validation_shares_speakers: whether a validation speaker is tested too.
        left_out: a sentence on files that could not be used; empty when all could.
    """

    train: str = ""
    validation: str = ""
    test: str = ""
    shared_sentences: str = UNKNOWN
    copy: Copy = Copy()
    folds: str = ""
    validation_draw: str = ""
    validation_shares_speakers: bool = False
    left_out: str = ""


@dataclass(frozen=True)
class StudyInfo:
    """What the page says about a study beside its results.

    Attributes:
        name, description: as declared.
        reference: the strategy that others are compared with.
        corpora: by name.
        protocol: its name, what the study changes in it, and what it stands for.
        selection: what its configuration was chosen from; empty where it was not.
        weights_are: of the backbone; `none` where no method has one.
        settings_yaml: the resolved study file.
        commands: how to run and report it again.
    """

    name: str
    description: str = ""
    reference: str = "random"
    corpora: Mapping[str, CorpusInfo] = field(default_factory=dict)
    protocol: str = ""
    selection: str = ""
    weights_are: Weights = "none"
    settings_yaml: str = ""
    commands: tuple[str, ...] = ()

    def corpus(self, name: str) -> CorpusInfo:
        """What is known of a corpus; nothing where it was not named."""
        return self.corpora.get(name, CorpusInfo())
