"""`after-ray corpora scan merged`: Table 1 of the paper beside the true counts and those found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from after_ray.corpora._base import Scan, open_source
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._paper_table import ORDER, PRINTED_TOTAL, REACHABLE, row_of
from after_ray.corpora._settings import FolderSettings, MemberSettings, MergedSettings
from after_ray.errors import MissingVotes
from sweeps._console import console, print_table

HEADER = ("corpus", "printed", "printed ratio implies", "official", "found here", "label file", "as printed")


def print_merged_table(settings: MergedSettings, scans: Mapping[str, Scan]) -> None:
    """One row per member, also of one without a scan; below it, why the paper's numbers cannot all be had."""
    rows = [_cells(member, scans.get(member.title)) for member in settings.members]
    print_table(f"{settings.title}: {' / '.join(ORDER)} (total)", HEADER, [*rows, _total(settings, scans)])
    console.print(f"test corpus: {settings.test_corpus or 'none, every member is cut into folds'}")
    for member in settings.members:
        row = row_of(member.title)
        if row is not None:
            console.print(f"{member.title}: {row.reason}.", markup=False)
    if settings.preset in ("paper_table1", "repo_json"):
        console.print(_not_reproducible(settings.preset), markup=False)


def _cells(member: MemberSettings, scan: Scan | None) -> list[str]:
    row = row_of(member.title)
    official = _official(member)
    here = None if scan is None else Counter(scan.manifest.table["emotion"])
    return [
        member.title,
        "" if row is None else f"{row.printed}",
        "" if row is None or row.ratio is None else _parts(row.implied),
        "" if official is None else _counts(official),
        "not found" if scan is None or here is None else f"{_counts(here)} {scan.conformity.level}",
        "" if row is None else _counts(Counter(dict(zip(ORDER, row.released, strict=True)))),
        "" if row is None or here is None else "yes" if row.agrees(here) else "no",
    ]


def _total(settings: MergedSettings, scans: Mapping[str, Scan]) -> list[str]:
    officials = [counts for member in settings.members if (counts := _official(member)) is not None]
    members = [row for member in settings.members if (row := row_of(member.title)) is not None]
    released: Counter[str] = Counter()
    for row in members:
        released.update(dict(zip(ORDER, row.released, strict=True)))
    together: Counter[str] = sum(officials, Counter())
    here: Counter[str] = sum((Counter(scan.manifest.table["emotion"]) for scan in scans.values()), Counter())
    printed = sum(row.printed for row in members)
    return ["all", f"{printed}", "", _counts(together), _counts(here), _counts(released), ""]


def _official(member: MemberSettings) -> Counter[str] | None:
    """Utterances per class in the official release, with the classes that the member's settings make."""
    if not isinstance(member, FolderSettings):
        return None
    corpus = open_source(member)
    if not isinstance(corpus, FolderCorpus):
        return None
    try:
        release = corpus.release()
    except MissingVotes:  # told by whoever scans it
        return None
    return None if release is None else release.counts(member.labels)


def _counts(counts: Counter[str]) -> str:
    return f"{_parts(counts)} ({counts.total()})"


def _parts(counts: Counter[str]) -> str:
    others = sorted(name for name in counts if name not in ORDER)
    return " / ".join(str(counts[name]) for name in (*ORDER, *others))


def _not_reproducible(preset: str) -> str:
    if preset == "paper_table1":
        return (
            f"not reproducible: of the {PRINTED_TOTAL} utterances that the paper prints at most {REACHABLE} "
            "can be had; 4,507 of the difference are IEMOCAP's turns of other labels, 202 are of EmoV-DB."
        )
    return (
        "not reproducible: the label file has 16,626 utterances, and the releases give 16,674, because its "
        "EmoV-DB (2,788) is another copy than the sorted release (2,836)."
    )
