"""`after-ray corpora scan`: what is in a corpus folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from after_ray.corpora._base import Scan, corpora, scan
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._settings import CORPUS_NAMES, CorpusSettings, MergedSettings
from after_ray.errors import AfterRayError, UnknownName, WrongChecksum, printable
from sweeps._console import console, meter, print_table
from sweeps.declaration import mistake_in_words
from sweeps.merged_table import print_merged_table
from sweeps.study_file import apply_override

MOST_SPEAKERS = 100  # rows of a table that somebody still reads
LEVELS = {
    "official": "this is the official release",
    "converted": "this is the official release, converted: same utterances, classes and lengths",
    "altered": "this is not the official release",
    "none": "there is no official release to compare it with",
}


def corpus_settings(name: str, root: Path | None, overrides: Sequence[str] = ()) -> CorpusSettings:
    """The settings of a corpus from the command line.

    Raises:
        AfterRayError: for an unknown name or setting, a value that is not allowed, or one that is missing.
    """
    if name not in CORPUS_NAMES:
        raise UnknownName("corpus", name, CORPUS_NAMES)
    values: dict[str, Any] = {"name": name}
    if root is not None:
        values["root"] = str(root)
    for override in overrides:
        apply_override(values, override)
    try:
        return TypeAdapter[CorpusSettings](CorpusSettings).validate_python(values)
    except ValidationError as error:
        raise _mistake(name, root, error) from error


def scan_corpus(settings: CorpusSettings, cache: Path) -> Scan:
    """Scan a corpus; what a study would refuse is kept in the scan, so that all of it can be shown.

    Raises:
        AfterRayError: when there is nothing to show.
    """
    with meter(f"reading {settings.title}", 1) as shown:
        return scan(_lenient(settings), cache, shown.to)


def print_scan(settings: CorpusSettings, store: Path, checksums: bool = False) -> None:
    """Print counts, how it agrees with the official release, and what is left out for which reason.

    Raises:
        AfterRayError: at the end, when a study would refuse the corpus, so that scripts notice.
    """
    found = scan_corpus(settings, store / "scans")
    _print_counts(found)
    if isinstance(settings, MergedSettings):
        print_merged_table(settings, found)
    for line in _lines(found):
        console.print(line, markup=False)
    if checksums:
        agreeing = check_sums(settings, found)
        console.print(f"checksums: {agreeing} files are the official ones, bit by bit")
    refuse_unfit(found)


def check_sums(settings: CorpusSettings, found: Scan) -> int:
    """Compare the bytes of the files of a scan with the official SHA-256; returns how many agree.

    Raises:
        WrongChecksum: naming the files that do not.
        AfterRayError: when the corpus has no published checksums.
    """
    corpus = corpora.resolve(settings.name)(settings)
    if not isinstance(corpus, FolderCorpus) or not isinstance(corpus.contract, ListedContract):
        raise WrongChecksum.unknown(settings.title)
    table = found.manifest.table
    paths = {
        name.partition("/")[2]: corpus.root / path
        for name, path in zip(table["utterance"], table["path"], strict=True)
    }
    with meter(f"checksums of {settings.title}", len(paths)) as shown:
        return corpus.contract.refuse_wrong_checksums(paths, shown.to)


def refuse_unfit(found: Scan) -> None:
    """Refuse what a study would refuse, unless its corpus block says otherwise.

    Raises:
        AfterRayError: for unusable files, a copy that is not the official release, and a number of classes
            that nothing can be learnt from.
    """
    reasons, remedies = [], []
    if found.problems:
        reasons.append(f"{len(found.problems)} file(s) cannot be used")
        remedies.append("'unusable: skip'")
    if found.conformity.level == "altered":
        reasons.append(f"{len(found.conformity.differences)} difference(s) from the official release")
        remedies.append("'altered: accept'")
    if reasons:
        raise AfterRayError(
            f"A study would refuse the corpus '{found.manifest.corpus}': {' and '.join(reasons)}, named "
            f"above; mend it, or set {' and '.join(remedies)} in the study's corpus block."
        )
    if found.manifest.labelled:
        _ = found.manifest.classes


def _lenient(settings: CorpusSettings) -> CorpusSettings:
    """The settings with everything accepted, in members too."""
    if isinstance(settings, MergedSettings):
        members = tuple(_lenient(member) for member in settings.members)
        return settings.model_copy(update={"members": members})
    wanted: dict[str, Any] = {"unusable": "skip", "altered": "accept"}
    fields = type(settings).model_fields
    return settings.model_copy(update={key: value for key, value in wanted.items() if key in fields})


def _mistake(name: str, root: Path | None, error: ValidationError) -> AfterRayError:
    """The first mistake as one sentence."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "missing":
        above, _, key = place.rpartition(".")
        option = (
            "--root DIR" if key == "root" else f"--set {key}=VALUE" if not above else f"'{key}' in {above}"
        )
        return AfterRayError(f"The corpus '{name}' needs its '{key}'; say it with {option}.")
    if root is not None and first["type"] == "unknown_key" and first["ctx"]["key"] == "root":
        return AfterRayError(f"The corpus '{name}' takes no --root: it is made, not read.")
    where = f" ({place})" if place else ""
    return AfterRayError(f"Bad setting of the corpus '{name}'{where}: {mistake_in_words(first)}.")


def _print_counts(found: Scan) -> None:
    """Utterances by speaker and class; of a merged corpus by member and class."""
    name, table = found.manifest.corpus, found.manifest.table
    if found.members:
        _print_cross(f"{name}: utterances by corpus and class", "corpus", found.manifest.sources, found)
    elif table["speaker"].nunique() <= MOST_SPEAKERS:
        what = "speaker and class" if found.manifest.labelled else "speaker"
        _print_cross(f"{name}: utterances by {what}", "speaker", table["speaker"], found)
    else:
        speakers = pd.Series(f"{table['speaker'].nunique()} speakers", index=table.index)
        _print_cross(f"{name}: utterances by class", "", speakers, found)
    minutes = table["seconds"].sum() / 60
    console.print(f"{len(table)} utterances, {minutes:.1f} minutes, manifest {found.manifest.digest[:12]}")


def _print_cross(title: str, label: str, groups: Any, found: Scan) -> None:
    """One row per group and one of all, one column per class and one of all."""
    emotions = found.manifest.table["emotion"].replace("", "utterances")
    counts = pd.crosstab(pd.Series(groups, name="group"), emotions, margins=True, margins_name="all")
    if not found.manifest.labelled:
        counts = counts.drop(columns="all")
    rows = [
        [printable(str(group)), *(str(count) for count in row)]
        for group, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    print_table(title, [label, *map(str, counts.columns)], rows)


def _lines(found: Scan) -> Iterator[str]:
    """Everything about a scan that is no count of an utterance."""
    for scanned in found.members or (found,):
        prefix = f"{scanned.manifest.corpus}: " if found.members else ""
        yield f"{prefix}{LEVELS[scanned.conformity.level]}"
        yield from (f"{prefix}difference: {clause}" for clause in scanned.conformity.differences)
    yield from found.notes
    for label, count in found.ignored.items():
        yield f"not used: {printable(label)}: {count} file(s)"
    if found.copies:
        first = printable(found.copies[0])
        yield f"not used: {len(found.copies)} file(s) that hold an utterance a second time, first {first}"
    for path, reason in found.left_out:
        yield f"left out, as unusable in the official release: {printable(path)}: {reason}"
    for path, reason in found.problems:
        yield f"unusable: {printable(path)}: {reason}"
