"""Errors about corpora, their tables and their audio."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from after_ray.errors._base import AfterRayError
from after_ray.wording import counted, first_of, printable, with_hints


class MissingCorpus(AfterRayError):
    """The folder of a corpus is not there or holds none of its files; `above` is a parent that does."""

    def __init__(self, corpus: str, root: Path, expected: str, above: Path | None = None) -> None:
        remedy = (
            f"It is a folder inside the corpus: point at its parent {above} as the corpus root."
            if above is not None
            else "Check the study's corpus root (a relative root is relative to the study file)."
        )
        super().__init__(f"Corpus '{corpus}' was not found in {root}; expected {expected} below it. {remedy}")


class MissingVotes(AfterRayError):
    """The table with the votes of a corpus' annotators is not there."""

    def __init__(self, corpus: str, root: Path, expected: str) -> None:
        super().__init__(
            f"Corpus '{corpus}' has no votes in {root}; expected {expected} below it, as in the official "
            f"release. Fetch it from there, or set 'votes: none' in the block of corpus '{corpus}'."
        )


class MissingMembers(AfterRayError):
    """Members of a merged corpus that are not where they should be; `found`: names of those that are."""

    def __init__(self, corpus: str, folders: Mapping[str, Path], found: Sequence[str]) -> None:
        missing = ", ".join(f"{name} ({folder})" for name, folder in folders.items())
        others = ", ".join(found) if len(found) > 1 else "two or more names"
        super().__init__(
            f"Corpus '{corpus}' lacks {len(folders)} of its {len(folders) + len(found)} members: {missing}. "
            f"Put them there, or list others with --set 'members=[{others}]'."
        )


class NothingToUse(AfterRayError):
    """A corpus of which no utterance is used; `found`: how many have each label, or are left out."""

    def __init__(self, corpus: str, found: Mapping[str, int]) -> None:
        counts = ", ".join(f"{printable(label)} ({count})" for label, count in found.items())
        super().__init__(
            f"Corpus '{corpus}' has no utterance with a used label; found: {counts}. 'labels' in the block "
            f"of corpus '{corpus}' maps its own labels to classes, and replaces the default: name there all "
            "that are to be used."
        )


class UnknownUtterance(AfterRayError):
    """Names of utterances to exclude that no used utterance has."""

    def __init__(self, corpus: str, unknown: Sequence[str], known: Collection[str]) -> None:
        super().__init__(
            f"'exclude' in the block of corpus '{corpus}' names {with_hints(unknown, known)}; allowed: the "
            f"{counted(len(known), 'utterance')} with a used label. Correct it, or take it out."
        )


class UnusableAudio(AfterRayError):
    """Files, or lines of label files, that cannot be used and that the study does not allow to skip.

    `usable`: utterances that remain without them. `official`: whether leaving them out would alter a corpus
    that has to be the official one.
    """

    def __init__(
        self, corpus: str, problems: Sequence[tuple[str, str]], usable: int, official: bool = False
    ) -> None:
        shown = first_of([f"{printable(path)}: {reason}" for path, reason in problems], between=";")
        accept = " and 'altered: accept'" if official else ""
        because = ", because the corpus is then no longer the official one" if official else ""
        remedy = (
            f"Mend them, or set 'unusable: skip'{accept} in the block of corpus '{corpus}' to leave them out"
            f"{because}."
            if usable
            else "Mend them: there is no other utterance to use."
        )
        entries = counted(len(problems), "unusable entry", "unusable entries")
        super().__init__(f"Corpus '{corpus}' has {entries}: {shown}. {remedy}")


class BadTable(AfterRayError):
    """A user's table of utterances that does not describe a corpus; `remedy` says what to do next."""

    def __init__(self, file: Path, problem: str, remedy: str) -> None:
        super().__init__(f"The CSV {file} cannot be used: {problem}. {remedy}")


class UnlabelledCorpus(AfterRayError):
    """A question about the classes of a corpus that has none."""

    def __init__(self, corpus: str) -> None:
        super().__init__(
            f"The corpus '{corpus}' has no labels, so nothing can be learnt from it or tested on it; give "
            "its labels in a CSV with the columns path, speaker and emotion: "
            "'corpus: {name: csv, file: labels.csv}'."
        )


class AlteredCorpus(AfterRayError):
    """A copy of a corpus that is not the official release."""

    def __init__(self, corpus: str, differences: Sequence[str]) -> None:
        shown = first_of(differences, most=8, between=";", noun=" differences")
        super().__init__(
            f"Corpus '{corpus}' is not the official one: {shown}. Fetch it again, or set "
            f"'altered: accept' in the block of corpus '{corpus}' to use it as it is; every result will say "
            "so."
        )


class UnreadableAudio(AfterRayError):
    """One audio file that cannot be used; `reason` says why without naming the file."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Audio file {path} cannot be used: {reason}. Replace it by an intact copy.")


class ChangedAudio(AfterRayError):
    """An utterance whose audio is no longer what the manifest says."""

    def __init__(self, utterance: str, path: str) -> None:
        super().__init__(
            f"The audio of '{utterance}' ({path}) changed since the corpus was scanned. "
            "Scan the corpus again, so that the manifest says what is there now."
        )


class BadManifest(AfterRayError):
    """A manifest that does not describe a corpus the system can work with."""

    def __init__(self, corpus: str, what: str, value: object, allowed: str) -> None:
        super().__init__(f"The manifest of corpus '{corpus}' has {what}: {value}; allowed: {allowed}.")
