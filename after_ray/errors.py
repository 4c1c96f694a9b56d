"""Errors that build their own sentence: what was wrong, the value, what is allowed, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from after_ray.wording import counted, first_of, printable, with_hints


class AfterRayError(Exception):
    """Base of every error a user can cause or mend; its text is one sentence for the command line."""


class UnknownName(AfterRayError):
    """A name that no registry or settings model knows."""

    def __init__(self, kind: str, name: str, allowed: Iterable[str], where: str = "") -> None:
        names = sorted(allowed)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        place = f" ({where})" if where else ""
        super().__init__(f"Unknown {kind} '{name}'{place}; allowed: {', '.join(names)}.{hint}")


class BadValue(AfterRayError):
    """A value outside what is allowed."""

    def __init__(self, what: str, value: object, allowed: str, where: str = "") -> None:
        place = f" ({where})" if where else ""
        super().__init__(f"Bad {what}: {value!r}{place}; allowed: {allowed}.")


class MissingCorpus(AfterRayError):
    """The folder of a corpus is not there or holds none of its files; `above` is a parent that does."""

    def __init__(self, corpus: str, root: Path, expected: str, above: Path | None = None) -> None:
        remedy = (
            f"It is a folder inside the corpus: point at its parent {above} as the corpus root."
            if above is not None
            else "Check the study's corpus root (a relative root is relative to the study file)."
        )
        super().__init__(f"Corpus '{corpus}' was not found in {root}; expected {expected} below it. {remedy}")


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


class WrongChecksum(AfterRayError):
    """Files whose bytes are not those of the official release."""

    def __init__(self, corpus: str, wrong: Sequence[str], checked: int) -> None:
        super().__init__(
            f"{len(wrong)} of {checked} files of '{corpus}' have another SHA-256 than the official ones "
            f"({first_of(wrong)}); fetch them again (only the original wav files can agree, never a "
            "conversion)."
        )

    @classmethod
    def unknown(cls, corpus: str) -> AfterRayError:
        """For a corpus without published checksums."""
        return AfterRayError(
            f"No checksums are published for the corpus '{corpus}'; allowed: cremad. Leave --checksums out: "
            "names, counts and lengths are compared anyway."
        )


class TooFewUtterances(AfterRayError):
    """A pool or training set smaller than what a round asks for."""

    def __init__(self, what: str, available: int, requested: int) -> None:
        super().__init__(f"{what}: {available} utterances available, {requested} requested.")


class BadSchedule(AfterRayError):
    """A point of the schedule that labels nothing new, so that its round would not exist."""

    def __init__(self, percent: float, size: int, before: int, train: int, smallest: str | None) -> None:
        mend = f"raise it to {smallest} or more, or leave it out" if smallest else "leave it out"
        super().__init__(
            f"Bad schedule: {percent:g} % of the {train} training utterances is {size} labelled, "
            f"but the round before has {before} already; {mend}."
        )


class UnusableScores(AfterRayError):
    """Acquisition scores that are not numbers."""

    def __init__(self, strategy: str, unusable: int, total: int) -> None:
        super().__init__(
            f"{strategy} cannot rank the pool: {unusable} of {total} scores are not a number; "
            "the training of the round before probably diverged: lower its learning rate."
        )


class BrokenInvariant(AfterRayError):
    """A round whose labelled set and pool do not fit together; nothing of it is recorded."""

    def __init__(self, size: int, reason: str) -> None:
        super().__init__(
            f"The round of {size} labelled utterances was stopped: {reason}. "
            "Check a strategy of your own with after_ray.testing.check_strategy; otherwise report this."
        )


class DamagedStore(AfterRayError):
    """A stored file that is missing or whose digest is wrong."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Stored file {path} cannot be used: {reason}. "
            "Run the study again: 'after-ray run' computes anew what is gone or cut; remove a file first "
            "that has the right size and other bits."
        )


class DamagedRecord(DamagedStore):
    """A record that is none: half written, or changed since."""

    def __init__(self, path: Path, reason: str) -> None:
        AfterRayError.__init__(
            self,
            f"The record {path} is damaged ({reason}); 'after-ray run' sets it aside and computes its stage "
            "again.",
        )


class DivergedTraining(AfterRayError):
    """A loss or gradient that is no longer a finite number: the weights are lost."""

    def __init__(self, what: str, value: float, update: int, remedy: str = "Lower the learning rate") -> None:
        super().__init__(
            f"Training diverged: the {what} is {value} at update {update}; a finite number is needed. "
            f"{remedy}, and check that no utterance is silent or empty."
        )


class CollapsedAdaptation(AfterRayError):
    """An adaptation whose targets or predictions do not depend on the audio any more: it learns nothing."""

    def __init__(self, step: int, information: float, least: float, perplexity: float, remedy: str) -> None:
        super().__init__(
            f"Adaptation collapsed: at step {step} the code of a masked frame says {information:.3f} nats "
            f"about it, {least:g} or more are needed (perplexity of the codes: {perplexity:.1f}). {remedy}."
        )


class FullDevice(AfterRayError):
    """A GPU whose memory does not hold what a trial needs."""

    def __init__(self, device: str, told: str) -> None:
        super().__init__(
            f"The memory of {device} does not hold this trial: {told}. Let fewer trials share it "
            "(resources.gpu), lower max_seconds of the classifier or batch_seconds of the adaptation, or "
            "choose precision bf16, and run the study again; what is recorded stays."
        )


class IdleSetting(AfterRayError):
    """A setting that is written and that nothing would read."""

    def __init__(self, what: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(f"'{what}' is {value!r}, but {reason}, which does not read it. {remedy}.")


class UnwritableCheckpoint(AfterRayError):
    """The state of an unfinished training that cannot be written; it takes `size` bytes."""

    def __init__(self, folder: Path, reason: str, size: int = 0) -> None:
        self.size = size
        super().__init__(
            f"A checkpoint cannot be written to {folder} ({reason}); it needs about four times the weights "
            "that are trained. Free room there, or let resources.checkpoint_seconds be longer than a round, "
            "and run the study again."
        )


class MissingBackbone(AfterRayError):
    """A backbone that is not where its name says."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"Backbone '{name}' cannot be used: {reason}. Allowed: a wav2vec 2.0, HuBERT or WavLM, as a "
            "folder with config.json and *.safetensors or as a hub name such as 'facebook/wav2vec2-base'."
        )


class NoQuantizer(AfterRayError):
    """A backbone that shall be adapted against a quantiser and belongs to a family without one."""

    def __init__(self, name: str, family: str) -> None:
        super().__init__(
            f"Backbone '{name}' is a {family}, which has no quantiser, and the contrastive objective takes "
            "its targets from one; allowed: wav2vec 2.0. Write 'objective: clusters' in the adaptation, or "
            "choose none."
        )


class UnstorableFeatures(AfterRayError):
    """Front-end output that 16-bit floats cannot hold."""

    def __init__(self, value: float, limit: float) -> None:
        super().__init__(
            f"The front end of the backbone gave {value:g} for an utterance; allowed: magnitudes up to "
            f"{limit:g}, the range of the 16-bit floats that features are stored in. Check the backbone's "
            "weights; if they were adapted, lower adaptation.learning_rate."
        )


class ChangedBackbone(AfterRayError):
    """A named backbone whose files are not those that the study was resolved with."""

    def __init__(self, name: str, folder: Path, expected: str, found: str) -> None:
        super().__init__(
            f"Backbone '{name}' has other files in {folder} (identity {found[:12]}) than the study was "
            f"resolved with ({expected[:12]}); every node needs the same files. Copy them there, or name a "
            "fixed hub 'revision', and run the study again."
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
