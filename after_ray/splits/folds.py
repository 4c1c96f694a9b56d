"""Speaker-independent folds. No seed: a fold is a property of the corpus, and so is its validation draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from after_ray.errors import BadFold, BadValue
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.splits._settings import FoldChoice, FoldRequest, FoldScheme, FoldSettings
from after_ray.splits.leaks import checked
from after_ray.splits.parts import Fold
from after_ray.splits.speakers import recorded_together
from after_ray.splits.validation import draw_validation, halves
from after_ray.wording import counted

Rows = NDArray[np.int64]
NEVER = -1  # the fold in which an utterance of a corpus that is only trained on is tested
DEFAULT_COUNT = 5
_NONE: Rows = np.empty(0, dtype=np.int64)


def settle(
    request: FoldRequest, manifest: Manifest, own_scheme: FoldScheme, test_corpus: str = "", digest: str = ""
) -> FoldSettings:
    """What a protocol's request means for one corpus; the result is complete and goes into keys.

    Args:
        request: what the protocol says.
        manifest: of the corpus.
        own_scheme: the corpus' usual scheme.
        test_corpus: the member of a merged corpus that is tested on; empty for all.
        digest: of a fold file's parts, where the request names one.

    Raises:
        BadFold: when a number of folds is asked for and the scheme has its own.
    """
    scheme = own_scheme if request.scheme == "own" else request.scheme
    count = request.count or DEFAULT_COUNT
    if scheme in ("sessions", "leave_one_speaker_out"):
        held_out = _tested(manifest, test_corpus)
        column, noun = ("session", "sessions") if scheme == "sessions" else ("speaker", "speakers")
        count = held_out[column].nunique()
        if count < 2:
            raise BadFold(
                manifest.corpus,
                f"it has no two {noun}, and every fold needs one to hold out",
                "Set another 'scheme'.",
            )
        if request.count not in (None, count):
            raise BadFold(
                manifest.corpus,
                f"{request.count} folds were asked for, and it is cut by its {count} {noun}",
                "Leave 'count' out, or set 'scheme: speaker_groups'.",
            )
    return FoldSettings(
        scheme=scheme, count=count, test_corpus=test_corpus, balance=request.balance, digest=digest
    )


def fold(manifest: Manifest, choice: FoldChoice) -> Fold:
    """The fold of a manifest that a choice names; checked for leaks.

    Raises:
        BadValue: when the index is out of range.
        BadFold: when the corpus has too few speakers, or too few utterances of a class in training.
    """
    if choice.index >= choice.folds.count:
        raise BadValue("fold", choice.index, f"0 to {choice.folds.count - 1}")
    return _fold(manifest, choice, fold_of_rows(manifest, choice.folds))


def all_folds(manifest: Manifest, choice: FoldChoice) -> tuple[Fold, ...]:
    """Every fold of a manifest; the index of `choice` does not matter."""
    tested_in = fold_of_rows(manifest, choice.folds)
    return tuple(
        _fold(manifest, choice.model_copy(update={"index": index}), tested_in)
        for index in range(choice.folds.count)
    )


def _fold(manifest: Manifest, choice: FoldChoice, tested_in: Rows) -> Fold:
    index, settings = choice.index, choice.validation
    held_out = np.flatnonzero(tested_in == index)
    rest = np.flatnonzero(tested_in != index)
    if settings.draw == "half_of_test":
        validation, test = halves(held_out, index)
        train = rest
    else:
        validation, test = draw_validation(manifest, rest, settings, index), held_out
        train = np.setdiff1d(rest, validation, assume_unique=True)
    train, unused = _balanced(manifest, train, index) if choice.folds.balance != "none" else (train, _NONE)
    of_test, mixed = settings.draw == "half_of_test", choice.folds.scheme == "utterances"
    return checked(Fold(index, train, validation, test, unused, of_test, mixed), manifest)


def fold_of_rows(manifest: Manifest, folds: FoldSettings) -> Rows:
    """For every row the fold in which it is tested, shape (utterances,); -1 where it never is.

    Raises:
        BadFold: when the scheme does not fit the corpus, or a speaker would be in two folds.
        BadValue: for the scheme `file`, whose folds are read and not made.
    """
    table = _tested(manifest, folds.test_corpus)
    if folds.scheme == "file":
        raise BadValue("scheme of folds", "file", "one that can be computed; read the fold file instead")
    result = np.full(len(manifest), NEVER, dtype=np.int64)
    if folds.scheme == "utterances":
        rows = table.index.to_numpy()
        result[rows] = _dealt(manifest, rows, folds.count)
        return result
    if folds.scheme == "sessions":
        fold_of = _sessions(manifest.corpus, table)
    elif folds.scheme == "leave_one_speaker_out":
        fold_of = {speaker: index for index, speaker in enumerate(sorted(set(table["speaker"])))}
    else:
        fold_of = speaker_groups(manifest, folds.count, folds.test_corpus)
    result[table.index.to_numpy()] = table["speaker"].map(fold_of).to_numpy(dtype=np.int64)
    return result


def _dealt(manifest: Manifest, rows: Rows, count: int) -> Rows:
    """The fold of each of `rows`: those of every class, in random order, are dealt one after the other.

    Raises:
        BadFold: when there are fewer utterances than folds.
    """
    if len(rows) < count:
        problem = f"it has {counted(len(rows), 'utterance')}, and {count} folds were asked for"
        raise BadFold(manifest.corpus, problem, f"Set 'count' to {len(rows)} or less.")
    classes, labels = manifest.strata
    labels, seeds = labels[rows], SeedTree(0).child("dealt utterances")
    order = np.concatenate(
        [
            seeds.child(emotion).generator().permutation(np.flatnonzero(labels == label))
            for label, emotion in enumerate(classes)
        ]
    )
    result = np.empty(len(rows), dtype=np.int64)
    result[order] = np.arange(len(rows)) % count
    return result


def speaker_groups(manifest: Manifest, count: int, test_corpus: str = "") -> dict[str, int]:
    """Deal speakers into groups of like size, balanced first in gender, then in speakers, then in utterances.

    Greedy: within a corpus and a gender the speaker with most utterances goes first, to the group that has
    fewest of them; ties are broken by names, so that the same speakers always fall into the same groups.
    Speakers who were only ever recorded together (the two of a dialog session) are dealt as one.

    Raises:
        BadFold: when there are fewer speakers than groups.
    """
    dealt = recorded_together(_tested(manifest, test_corpus))
    if len(dealt) < count:
        speakers = int(dealt["speakers"].map(len).sum())
        together = f", recorded in {len(dealt)} sessions" if speakers > len(dealt) else ""
        who = f"{counted(speakers, 'speaker')}{together}"
        problem = f"it has {who}, and {count} speaker groups were asked for"
        raise BadFold(manifest.corpus, problem, _fewer(len(dealt)))
    group_of: dict[str, int] = {}
    totals = np.zeros((count, 2), dtype=np.int64)  # speakers, utterances
    for _, alike in dealt.groupby(["source", "gender"], sort=True):
        of_kind = np.zeros(count, dtype=np.int64)
        for speakers, utterances in zip(alike["speakers"], alike["utterances"], strict=True):
            group = min(range(count), key=lambda g: (of_kind[g], *totals[g], g))
            group_of |= dict.fromkeys(speakers, group)
            of_kind[group] += len(speakers)
            totals[group] += (len(speakers), utterances)
    return group_of


def _tested(manifest: Manifest, test_corpus: str) -> pd.DataFrame:
    """The rows that are cut into folds, with the manifest's row numbers as index.

    Raises:
        BadFold: when the test corpus has no utterance.
    """
    if not test_corpus:
        return manifest.table
    chosen = manifest.table[manifest.sources == test_corpus]
    if chosen.empty:
        found = ", ".join(sorted(set(manifest.sources)))
        problem = f"its test corpus '{test_corpus}' has no utterance in it"
        raise BadFold(manifest.corpus, problem, f"Name one of {found}.")
    return chosen


def _sessions(corpus: str, table: pd.DataFrame) -> dict[str, int]:
    """Fold of each speaker: the position of the one session that they are recorded in."""
    nameless = table["utterance"][table["session"] == ""]
    remedy = "Set 'scheme: speaker_groups'."
    if len(nameless):
        problem = f"{len(nameless)} utterance(s) have no session ({nameless.iloc[0]})"
        raise BadFold(corpus, problem, remedy)
    of_speaker = table.groupby("speaker", sort=True)["session"].unique()
    for speaker, sessions in of_speaker.items():
        if len(sessions) > 1:
            problem = f"speaker {speaker} is in sessions {', '.join(sorted(sessions))}, so in two folds"
            raise BadFold(corpus, problem, remedy)
    position = {session: index for index, session in enumerate(sorted(set(table["session"])))}
    return {str(speaker): position[sessions[0]] for speaker, sessions in of_speaker.items()}


def _balanced(manifest: Manifest, train: Rows, index: int) -> tuple[Rows, Rows]:
    """Train with every class thinned to the size of the rarest one, and the rows left over."""
    classes, labels = manifest.strata
    labels = labels[train]
    smallest = int(np.bincount(labels, minlength=len(classes)).min())
    seeds = SeedTree(0).child("balance", index)
    kept: Sequence[Rows] = [
        seeds.child(emotion).generator().permutation(train[labels == label])[:smallest]
        for label, emotion in enumerate(classes)
    ]
    chosen = np.sort(np.concatenate(kept))
    return chosen, np.setdiff1d(train, chosen, assume_unique=True)


def _fewer(most: int) -> str:
    if most < 2:
        return "Folds need two speakers at least."
    return f"Set 'folds: {{count: {most}}}' or less in the protocol, or 'folds: leave_one_speaker_out'."
