"""What a search leaves for people: a table of all candidates, and the best of them as a study file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import yaml

from after_ray.files import write_text
from after_ray.store.places import Place
from sweeps.planning.opening import OpenStudy
from sweeps.searching.book import Book, search_place
from sweeps.searching.candidates import Candidate
from sweeps.study.places import with_places
from sweeps.study.search.settings import SelectedFrom
from sweeps.study.search.values import in_yaml, with_configuration
from sweeps.study.study_file import read_study_file

BEST = "best.yaml"


def write_candidates(book: Book) -> Path:
    """Write `candidates.csv`: configuration, state, value at each rung, and why a candidate failed."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    paths = list(book.expander.search.space)
    rungs = [f"rung_{rung}" for rung in range(1, book.expander.rungs + 1)]
    table.writerow(["candidate", "state", "value", *rungs, *paths, "key", "sentence"])
    for candidate in book.candidates:
        table.writerow(_row(book, candidate, paths, len(rungs)))
    return _shown(book.place, "candidates.csv", text.getvalue())


def _shown(place: Place, name: str, text: str) -> Path:
    """Write a file for people; the path of it, or of its copy on this node."""
    place.write(name, text.encode())
    path = place.local / name
    if not place.on_disk:
        write_text(path, text)
    return path


def _row(book: Book, candidate: Candidate, paths: list[str], rungs: int) -> list[str]:
    state, values = book.states[candidate.number], book.values(candidate)
    passed = [repr(value) for value in values] + [""] * (rungs - len(values))
    settings = [in_yaml(candidate.configuration[path]) for path in paths]
    last = passed[len(values) - 1] if values else ""
    return [str(candidate.number), state.name, last, *passed, *settings, candidate.key or "", state.sentence]


def write_best(opened: OpenStudy, book: Book, chosen: Candidate) -> Path:
    """Write the study with the chosen configuration, its own folds and seeds, and how it was chosen."""
    source = read_study_file(opened.path, opened.overrides)
    values = with_places(with_configuration(source.values, chosen.configuration), opened.path.parent)
    values["study"] = f"{opened.study.study}-best"
    values["selected_from"] = _selected_from(opened, book, chosen)
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    told = f"# Written by the search of '{opened.study.study}'; a later search writes it anew.\n"
    return _shown(book.place, BEST, told + text)


def chosen_study(opened: OpenStudy) -> Path | None:
    """The file of the study that a search wrote, or a copy of it on this node; None where it wrote none."""
    place = search_place(opened)
    path = place.local / BEST
    if not place.on_disk and place.size(BEST) is not None:
        write_text(path, place.read(BEST).decode())
    return path if path.is_file() else None


def _selected_from(opened: OpenStudy, book: Book, chosen: Candidate) -> dict[str, Any]:
    counts = book.counts()
    selected = SelectedFrom(
        study=opened.study.study,
        candidates=len(book.wanted),
        finished=counts["finished"],
        pruned=counts["pruned"],
        failed=counts["failed"],
        value=book.values(chosen)[-1],
        seeds=book.expander.search.seed,
    )
    return selected.model_dump(mode="json")
