"""`after-ray corpora overlap`: what train and test of a study's folds share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from after_ray.corpora._base import open_source
from after_ray.errors import SharedRecordings
from after_ray.manifest import Manifest
from after_ray.splits.overlap import (
    Crossing,
    Duplicate,
    SentenceOverlap,
    crossings,
    exact_duplicates,
    near_duplicates,
    recordings,
    sentence_overlap,
)
from after_ray.splits.parts import Fold
from sweeps._console import console, meter, print_table
from sweeps.corpora.fingerprints import fingerprints
from sweeps.planning.opening import OpenStudy

SHOWN = 10


@dataclass(frozen=True)
class CorpusOverlap:
    """What the parts of one corpus' folds share: sentences, and duplicates that leak."""

    corpus: str
    sentences: tuple[SentenceOverlap, ...]
    leaks: tuple[Crossing, ...]


@dataclass(frozen=True)
class Overlap:
    """What the parts of all folds of a study share; `near` is None where it was not looked for."""

    study: str
    corpora: tuple[CorpusOverlap, ...]
    exact: tuple[Duplicate, ...]
    near: tuple[Duplicate, ...] | None

    def check(self) -> None:
        """Refuse a study that tests on what it trains with.

        Raises:
            SharedRecordings: when a duplicate crosses test and train or validation of a fold.
        """
        leaks = [(corpus.corpus, leak) for corpus in self.corpora for leak in corpus.leaks]
        if leaks:
            raise SharedRecordings(
                len({leak.duplicate for _, leak in leaks}), [_leak_in_words(*leak) for leak in leaks]
            )


def measure(opened: OpenStudy, near: bool, quiet: bool = False) -> Overlap:
    """Look for shared sentences and duplicates in every fold that a study asks for.

    Args:
        opened: the study.
        near: listen to every utterance and look for near duplicates too.
        quiet: show no progress.
    """
    manifests = [scan.manifest for scan in opened.scans]
    found = recordings(manifests)
    exact = exact_duplicates(found)
    alike = near_duplicates(found, _all_fingerprints(opened, quiet)) if near else None
    corpora = tuple(
        _of_corpus(manifest, folds, (*exact, *(alike or ())))
        for manifest, folds in zip(manifests, folds_of(opened), strict=True)
    )
    return Overlap(opened.study.study, corpora, exact, alike)


def folds_of(opened: OpenStudy) -> list[tuple[Fold, ...]]:
    """The folds a study asks for, of each of its corpora."""
    return [tuple(split.table.folds[index] for index in split.run) for split in opened.plan.splits]


def reading(overlap: CorpusOverlap) -> str:
    """What the sentence overlap of a corpus means, in one plain line."""
    shares = [fold.share for fold in overlap.sentences if fold.share is not None]
    if not shares:
        return f"{overlap.corpus}: no test utterance has a known sentence, so nothing can be said of its text"
    counts = sorted({fold.sentences for fold in overlap.sentences})
    unknown = sum(fold.unknown for fold in overlap.sentences)
    apart = f" ({unknown} test utterances have no known sentence)" if unknown else ""
    if min(shares) == 1.0:
        every = f"all {counts[0]} sentences" if len(counts) == 1 else "all sentences"
        said = f"{every} of every test part are also in train: text is no proof of generalisation"
    elif max(shares) == 0.0:
        said = "no sentence of a test part is in train: what is tested is also new text"
    else:
        said = (
            f"{100 * min(shares):.0f} to {100 * max(shares):.0f} % of the test utterances of a fold say a "
            "sentence that is also in train"
        )
    return f"{overlap.corpus}: {said}{apart}"


def print_overlap(overlap: Overlap) -> None:
    """Print a table and a line per corpus, then the duplicates."""
    for corpus in overlap.corpora:
        header = ["fold", "test utterances", "of unknown sentence", "sentences", "also in train", "share %"]
        print_table(f"{corpus.corpus}: sentences", header, [_row(fold) for fold in corpus.sentences])
        console.print(reading(corpus), markup=False)
    _print_duplicates("exact duplicates", overlap.exact)
    if overlap.near is None:
        console.print("near duplicates: not looked for (--no-near)")
    else:
        _print_duplicates("near duplicates", overlap.near)
    if (overlap.exact or overlap.near) and not any(corpus.leaks for corpus in overlap.corpora):
        console.print("no duplicate is in test and in train or validation of one fold")


def as_json(overlap: Overlap) -> str:
    """Everything that was found, for scripts; shares are fractions of 1."""
    return json.dumps(
        {
            "study": overlap.study,
            "corpora": [
                {
                    "corpus": corpus.corpus,
                    "reading": reading(corpus),
                    "folds": [{**asdict(fold), "share": fold.share} for fold in corpus.sentences],
                    "leaks": [asdict(leak) for leak in corpus.leaks],
                }
                for corpus in overlap.corpora
            ],
            "exact": _counted(overlap.exact),
            "near": None if overlap.near is None else _counted(overlap.near),
        },
        indent=1,
    )


def _all_fingerprints(opened: OpenStudy, quiet: bool) -> dict[str, Any]:
    """Of all corpora, by the digest of the audio."""
    folder = opened.store.root / "scans"
    result: dict[str, Any] = {}
    for settings, scan in zip(opened.study.corpus, opened.scans, strict=True):
        corpus, manifest = open_source(settings), scan.manifest
        if quiet:
            result |= fingerprints(corpus, manifest, folder)
            continue
        with meter(f"listening to recordings of {manifest.corpus}", len(manifest)) as shown:
            result |= fingerprints(corpus, manifest, folder, shown.to)
    return result


def _of_corpus(manifest: Manifest, folds: Sequence[Fold], duplicates: Sequence[Duplicate]) -> CorpusOverlap:
    return CorpusOverlap(
        manifest.corpus,
        tuple(sentence_overlap(manifest, fold) for fold in folds),
        tuple(leak for fold in folds for leak in crossings(duplicates, manifest, fold)),
    )


def _row(fold: SentenceOverlap) -> list[str]:
    share = "" if fold.share is None else f"{100 * fold.share:.1f}"
    numbers = (fold.fold, fold.utterances, fold.unknown, fold.sentences, fold.shared)
    return [*map(str, numbers), share]


def _print_duplicates(title: str, duplicates: Sequence[Duplicate]) -> None:
    console.print(f"{title}: {len(duplicates)} pair{'' if len(duplicates) == 1 else 's'}")
    for pair in duplicates[:SHOWN]:
        differ = "" if pair.kind == "exact" else f" ({100 * pair.error:.1f} % of the fingerprint differs)"
        console.print(f"  {pair.first} = {pair.second}{differ}", markup=False)
    if len(duplicates) > SHOWN:
        console.print(f"  and {len(duplicates) - SHOWN} more (--json lists all)")


def _leak_in_words(corpus: str, leak: Crossing) -> str:
    return (
        f"fold {leak.fold} of {corpus} tests '{leak.tested}' and has '{leak.heard}' in {leak.part} "
        f"({leak.duplicate.kind})"
    )


def _counted(duplicates: Sequence[Duplicate]) -> dict[str, Any]:
    return {"count": len(duplicates), "pairs": [asdict(pair) for pair in duplicates]}
