"""`after-ray corpora scan`: what is in a corpus folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from after_ray.corpora._base import Scan, open_source, scan
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._settings import CORPUS_NAMES, CorpusSettings, MergedSettings, SyntheticSettings
from after_ray.corpora.merged import Merged
from after_ray.errors import AfterRayError, MissingCorpus, MissingMembers, UnknownName, WrongChecksum
from after_ray.store import Store
from after_ray.wording import counted, first_of, printable
from sweeps._console import console, meter, print_table
from sweeps.corpora.judged import votes_in_words
from sweeps.corpora.merged_table import print_merged_table
from sweeps.corpora.unfit import Part, refuse_unfit
from sweeps.study.mistakes import mistake_in_words
from sweeps.study.study_file import apply_override

MOST_SPEAKERS = 100  # rows of a table that somebody still reads


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
    if isinstance(settings, MergedSettings):
        return Merged(settings).together(_members(settings, cache))
    with meter(f"reading {settings.title}", 1) as shown:
        return scan(_lenient(settings), cache, shown.to)


def print_scan(settings: CorpusSettings, store: str, checksums: bool = False) -> None:
    """Print counts, how it agrees with the official release, and what is left out for which reason.

    Raises:
        AfterRayError: at the end, when a study would refuse the corpus, so that scripts notice.
    """
    found = scan_corpus(settings, Store(store).root / "scans")
    parts = _parts(settings, found)
    _print_counts(found)
    if isinstance(settings, MergedSettings):
        print_merged_table(settings, {member.title: scanned for member, scanned in parts})
    for line in _lines(found, parts):
        console.print(line, markup=False)
    if checksums:
        for name, agreeing in check_sums(settings, found).items():
            console.print(f"checksums: {agreeing} files of {name} are the official ones, bit by bit")
    refuse_unfit(found.manifest, parts)


def check_sums(settings: CorpusSettings, found: Scan) -> dict[str, int]:
    """Compare the bytes of the files of a scan with the official SHA-256; returns how many agree, by corpus.

    Raises:
        WrongChecksum: naming the files that do not.
        AfterRayError: when nobody published checksums of the corpus, or of any member.
    """
    opened = [(open_source(part), scanned) for part, scanned in _parts(settings, found)]
    agreeing = {
        scanned.manifest.corpus: _check_sums(corpus, corpus.contract, scanned)
        for corpus, scanned in opened
        if isinstance(corpus, FolderCorpus) and isinstance(corpus.contract, ListedContract)
        if corpus.contract.checksums
    }
    if not agreeing:
        raise WrongChecksum.unknown(settings.title)
    return agreeing


def _check_sums(corpus: FolderCorpus, contract: ListedContract, found: Scan) -> int:
    table = found.manifest.table
    paths = {
        name.partition("/")[2]: corpus.root / path
        for name, path in zip(table["utterance"], table["path"], strict=True)
    }
    with meter(f"checksums of {found.manifest.corpus}", len(paths)) as shown:
        return contract.refuse_wrong_checksums(paths, shown.to)


def _parts(settings: CorpusSettings, found: Scan) -> list[Part]:
    """The members of a merged corpus, each with its scan; any other corpus is its only part."""
    if isinstance(settings, MergedSettings):
        return list(zip(settings.members, found.members, strict=True))
    return [(settings, found)]


def _members(settings: MergedSettings, cache: Path) -> dict[str, Scan]:
    """The scans of all members of a merged corpus; what there is of it is shown when some are not there.

    Raises:
        MissingMembers: naming their folders.
    """
    scans = {}
    for member in settings.members:
        with contextlib.suppress(MissingCorpus):
            scans[member.title] = scan_corpus(member, cache)
    folders = {
        member.title: Path(str(member.root)).absolute()
        for member in settings.members
        if member.title not in scans and not isinstance(member, SyntheticSettings)
    }
    if folders:
        print_merged_table(settings, scans)
        raise MissingMembers(settings.title, folders, list(scans))
    return scans


def _lenient(settings: CorpusSettings) -> CorpusSettings:
    """The settings with everything accepted."""
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
    utterances, minutes = counted(len(table), "utterance"), table["seconds"].sum() / 60
    console.print(f"{utterances}, {minutes:.1f} minutes, manifest {found.manifest.digest[:12]}")


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


def _lines(found: Scan, parts: Sequence[Part]) -> Iterator[str]:
    """Everything about a scan that is no count of an utterance."""
    for settings, scanned in parts:
        prefix = f"{settings.title}: " if len(parts) > 1 else ""
        yield f"{prefix}{_level(settings, scanned)}"
        yield from (f"{prefix}difference: {clause}" for clause in scanned.conformity.differences)
        yield from (f"{prefix}{line}" for line in votes_in_words(scanned.manifest))
        if scanned.excluded:
            names = first_of([printable(name) for name in scanned.excluded])
            yield f"{prefix}not used: {counted(len(scanned.excluded), 'excluded utterance')}: {names}"
    yield from (f"note: {note}" for note in found.notes)
    for label, count in found.ignored.items():
        yield f"not used: {printable(label)}: {count} file(s)"
    if found.copies:
        first = printable(found.copies[0])
        yield f"not used: {len(found.copies)} file(s) that hold an utterance a second time, first {first}"
    for path, reason in found.left_out:
        yield f"left out, as unusable in the official release: {printable(path)}: {reason}"
    for path, reason in found.problems:
        yield f"unusable: {printable(path)}: {reason}"


def _level(settings: CorpusSettings, found: Scan) -> str:
    """How a corpus agrees with its official release, and what was compared."""
    corpus, level = open_source(settings), found.conformity.level
    release = corpus.release() if isinstance(corpus, FolderCorpus) else None
    if release is None or level == "none":
        return "there is no official release to compare it with"
    if level == "altered":
        return "altered: this is not the official release"
    compared = release.compared(corpus.settings.labels, frozenset(corpus.settings.exclude))
    if level == "official":
        return f"official: {_listed([*compared, 'sample rates'])} are those of the official release"
    return f"converted: {_listed(compared)} are those of the official release, codec or sample rate is not"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
