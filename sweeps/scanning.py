"""`after-ray corpora scan`: what is in a corpus folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from after_ray.corpora._base import Scan, corpora, scan
from after_ray.corpora._settings import CorpusSettings, FolderSettings
from after_ray.errors import AfterRayError, BadValue
from sweeps._console import console, meter, print_table


def scan_corpus(name: str, root: Path | None, cache: Path) -> Scan:
    """Scan a corpus and keep every unusable file as a problem instead of refusing it.

    Raises:
        AfterRayError: for an unknown name, or a root that is missing or not wanted.
    """
    corpora.check(name)
    values: dict[str, str] = {"name": name}
    if root is not None:
        values["root"] = str(root)
    try:
        settings = TypeAdapter[CorpusSettings](CorpusSettings).validate_python(values)
    except ValidationError as error:
        if root is None:
            raise AfterRayError(f"The corpus '{name}' is a folder; say which with --root DIR.") from error
        raise BadValue(
            f"root of the corpus '{name}'", str(root), "no --root: it is made, not read"
        ) from error
    if isinstance(settings, FolderSettings):
        settings = settings.model_copy(update={"unusable": "skip"})
    with meter(f"reading {name}", 1) as shown:
        return scan(settings, cache, shown.to)


def print_scan(name: str, root: Path | None, store: Path) -> None:
    """Print counts per class and speaker, then every file that cannot be used, with the reason.

    Raises:
        AfterRayError: at the end, when there are unusable files, so that scripts notice.
    """
    found = scan_corpus(name, root, store / "scans")
    table = found.manifest.table
    counts = pd.crosstab(table["speaker"], table["emotion"], margins=True, margins_name="all")
    rows = [
        [str(speaker), *(str(count) for count in row)]
        for speaker, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    print_table(f"{name}: utterances by speaker and class", ["speaker", *map(str, counts.columns)], rows)
    minutes = table["seconds"].sum() / 60
    console.print(f"{len(table)} utterances, {minutes:.1f} minutes, manifest {found.manifest.digest[:12]}")
    for label, count in found.ignored.items():
        console.print(f"not used: {count} file(s) of class {label}", markup=False)
    for path, reason in found.problems:
        console.print(f"unusable: {path}: {reason}", markup=False)
    if found.problems:
        raise AfterRayError(f"{len(found.problems)} file(s) of '{name}' cannot be used (named above).")
