"""Errors about folds, and about who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from after_ray.errors._base import AfterRayError
from after_ray.wording import first_of


class BadFold(AfterRayError):
    """A fold that a corpus cannot give; `remedy` says what to do next."""

    def __init__(self, corpus: str, problem: str, remedy: str) -> None:
        super().__init__(f"Corpus '{corpus}' cannot be split so: {problem}. {remedy}")


class UntestedClasses(AfterRayError):
    """Classes of a member of a merged corpus that its test corpus does not have."""

    def __init__(self, corpus: str, member: str, classes: Sequence[str], test_corpus: str) -> None:
        super().__init__(
            f"The member '{member}' of corpus '{corpus}' has classes that its test corpus '{test_corpus}' "
            f"does not have: {', '.join(classes)}. Map them to its classes with 'labels' in that member's "
            "block, or leave them out of it."
        )


class BadFoldFile(AfterRayError):
    """A fold file that cannot be used for a corpus."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Fold file {path} cannot be used: {reason}. "
            "Write one for this corpus with 'after-ray corpora folds STUDY --out DIR'."
        )


class NoVotes(AfterRayError):
    """An annotation that reads votes of annotators, and utterances that have none."""

    def __init__(self, annotation: str, corpus: str, count: int, total: int, remedy: str) -> None:
        super().__init__(
            f"The annotation {annotation} reads the votes of annotators, and {count} of {total} train "
            f"utterances of corpus '{corpus}' have none; allowed is 'annotation: corpus', which reads no "
            f"votes. {remedy}."
        )


class Leak(AfterRayError):
    """Parts of a fold that share what they must not share."""

    def __init__(self, fold: int, problem: str) -> None:
        super().__init__(
            f"Fold {fold} leaks: {problem}. No result of it would mean anything; "
            "rebuild the fold from the manifest and do not edit its parts."
        )


class SharedRecordings(AfterRayError):
    """Recordings that are in the test part of a fold and once more in its train or validation part."""

    def __init__(self, pairs: int, crossings: Sequence[str]) -> None:
        shown = first_of(crossings, between=";", noun=" such places")
        super().__init__(
            f"{pairs} duplicate recording(s) cross test and training: {shown}. Leave one of each pair out "
            "('exclude' in the corpus block, of a merged corpus in its member's), or keep both on one side "
            "with a fold file."
        )


class HeardTest(AfterRayError):
    """A backbone that was trained here, without labels, on recordings that a study tests."""

    def __init__(self, backbone: str, fold: int, corpus: str, utterances: Sequence[str]) -> None:
        super().__init__(
            f"The backbone {backbone} has heard {len(utterances)} recording(s) that fold {fold} of {corpus} "
            f"tests: {first_of(list(utterances))}. Run a fold or a corpus whose test part it has not heard "
            "(--only fold=...), or export a backbone that was trained on this fold's train part."
        )


class Tripped(AfterRayError):
    """An utterance was read by a step that must not know it; nothing of the stage is recorded."""

    def __init__(
        self, fold: int, part: str, row: int, utterance: str, during: str, allowed: Sequence[str]
    ) -> None:
        when = f"during {during}" if during else "outside every step"
        readable = " and ".join(allowed) if allowed else "nothing"
        super().__init__(
            f"Leak in fold {fold}: utterance '{utterance}' (row {row}) of its {part} part was read {when}; "
            f"allowed then: {readable}. Nothing was recorded; mend what reads it, if it is a file of your "
            "own, or else report this."
        )


class OracleRefusal(AfterRayError):
    """A question that the label oracle or an evaluator does not answer."""

    def __init__(self, problem: str, rows: Sequence[int], allowed: str) -> None:
        super().__init__(f"{problem}: rows {first_of([str(row) for row in rows])}; allowed: {allowed}.")
