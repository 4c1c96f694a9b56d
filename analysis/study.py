"""What a report says of a study beside its results; who writes the report knows it, the records do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis.contrasts import EQUIVALENCE, Contrasts
from analysis.false_positives import Design

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
        test_shares_speakers: whether test speakers are trained on.
        left_out: a sentence on files that could not be used; empty when all could.
        counts: utterances of each class, for each corpus that it is made of (itself, or its members).
    """

    train: str = ""
    validation: str = ""
    test: str = ""
    shared_sentences: str = UNKNOWN
    copy: Copy = Copy()
    folds: str = ""
    validation_draw: str = ""
    validation_shares_speakers: bool = False
    test_shares_speakers: bool = False
    left_out: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChecklistItem:
    """A question that a reviewer asks, and what the study answers."""

    question: str
    answer: str


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
        backbones: names of those that are pretrained.
        made_here: of each backbone that was pre-trained here from random weights, on what; it is `random`.
        with_backbone: methods that are built on a backbone.
        settings_yaml: the resolved study file.
        commands: how to run and report it again.
        families: of comparisons, as the study declares them.
        declared_at: seconds since the epoch when a launch first had just these families; None: none had.
        equivalence: differences up to this share of UA count as none in practice.
        targets: scores of UA, as shares, for which the labels and the time to reach them are wanted.
        designs: what is repeated on each corpus, to simulate how often tests err; none: not simulated.
        methods: sentences on what was done, for a paper.
        checklist: what reviewers ask of reproducibility; the analysis adds what it knows itself.
        provenance: names and values of where the results came from.
        drift: clauses on results made by other code, versions or devices than others.
    """

    name: str
    description: str = ""
    reference: str = "random"
    corpora: Mapping[str, CorpusInfo] = field(default_factory=dict)
    protocol: str = ""
    selection: str = ""
    weights_are: Weights = "none"
    with_backbone: frozenset[str] = frozenset()
    backbones: tuple[str, ...] = ()
    made_here: tuple[str, ...] = ()
    settings_yaml: str = ""
    commands: tuple[str, ...] = ()
    families: tuple[Contrasts, ...] = ()
    declared_at: float | None = None
    equivalence: float = EQUIVALENCE
    targets: tuple[float, ...] = ()
    designs: Mapping[str, Design] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    drift: tuple[str, ...] = ()

    def corpus(self, name: str) -> CorpusInfo:
        """What is known of a corpus; nothing where it was not named."""
        return self.corpora.get(name, CorpusInfo())
