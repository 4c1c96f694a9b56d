"""From a study file to its plan: read, scan the corpora, resolve the backbones, expand."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from after_ray.adaptation.settings import check_adaptation
from after_ray.corpora._base import Scan, scan
from after_ray.corpora._settings import CorpusSettings
from after_ray.execution.kept_folds import standing_folds
from after_ray.store import Store
from sweeps.planning.claims import check_families
from sweeps.planning.only import EVERYTHING, Keys, Only
from sweeps.planning.plan import Plan, make_plan
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.parts import PART_AXES, together
from sweeps.study.places import override_without_places, without_places

CorpusProgress = Callable[[str, int, int], None]  # corpus name, files done, files in all


class Scans:
    """Corpora as they were found, each read once however many studies of a command name it.

    All of its settings decide: another folder, other labels or other exclusions are read for themselves.
    """

    def __init__(self) -> None:
        self._found: dict[str, Scan] = {}

    def of(self, corpus: CorpusSettings, cache: Path, progress: CorpusProgress | None = None) -> Scan:
        """The scan of a corpus; `cache` is the folder for what earlier commands learnt."""
        settings = corpus.model_dump_json()
        if settings not in self._found:
            told = None if progress is None else _named(progress, corpus.title)
            self._found[settings] = scan(corpus, cache, told)
        return self._found[settings]

    @property
    def all(self) -> tuple[Scan, ...]:
        """All that were read, in their order."""
        return tuple(self._found.values())


@dataclass(frozen=True)
class OpenStudy:
    """A study that is ready to be planned or run against one store.

    `only` chooses the part of it that a command is about.
    """

    path: Path
    study: Study
    scans: tuple[Scan, ...]
    plan: Plan
    store: Store
    overrides: tuple[str, ...] = ()
    only: Only | Keys = EVERYTHING

    @cached_property
    def wanted(self) -> Plan:
        """The part of the plan that a command is about.

        Raises:
            BadSelection: when `only` chooses nothing.
        """
        return self.only.of(self.plan)

    @property
    def resolved_yaml(self) -> str:
        """The study with its overrides and defaults, without this machine's folders, which mean nothing."""
        values = _said(without_places(self.study.model_dump(mode="json")))
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    def command(self, verb: str) -> str:
        """The command line that does `verb` with this study, as it was given but for folders."""
        words = ["after-ray", verb, self.path.name]
        for override in self.overrides:
            words += ["--set", override_without_places(override)]
        return shlex.join(words)

    def command_here(self, verb: str, *options: str) -> str:
        """The command line that does `verb` with this study and this store on this machine, to be typed."""
        overrides = (word for override in self.overrides for word in ("--set", override))
        words = ["after-ray", verb, str(self.path), "--store", self.store.url, *overrides, *options]
        return shlex.join(words)


def open_study(
    path: Path,
    store: Path | str,
    overrides: Sequence[str] = (),
    progress: CorpusProgress | None = None,
    only: Only = EVERYTHING,
    scans: Scans | None = None,
) -> OpenStudy:
    """Read a study file and expand it.

    The corpora are scanned, which decodes every new file once; nothing is written but the scans' own cache
    in the store. `scans`: what was read before by the same command, and is not read again.

    Raises:
        AfterRayError: one sentence about the first thing that is wrong.
    """
    study = with_identities(load_study(path, overrides))
    read = Scans() if scans is None else scans
    kept = Store(store)
    found = tuple(read.of(corpus, kept.root / "scans", progress) for corpus in study.corpus)
    plan = make_plan(
        study,
        [one.manifest for one in found],
        lambda stage, manifest: standing_folds(stage, manifest, kept),
    )
    check_families(study.families, plan)
    opened = OpenStudy(path, study, found, plan, kept, tuple(overrides), only)
    _ = opened.wanted  # a selection of nothing is refused now
    return opened


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """As a file says it: axes that are left to others by silence, and those of parts by each part."""
    said = {key: value for key, value in values.items() if value != []}
    if "parts" not in said:
        return said
    common = {key: value for key, value in said.items() if key not in PART_AXES}
    return common | {"parts": [_said(part) for part in said["parts"]]}


def _named(progress: CorpusProgress, name: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(name, done, total)


def with_identities(study: Study) -> Study:
    """Backbones that are named enter keys by the digest of their files; what is done with them is checked."""
    from after_ray.backbones.identity import resolve

    if study.parts:
        parts = tuple(map(with_identities, study.parts))
        named = together(part.backbone for part in parts)
        return study.model_copy(update={"parts": parts, "backbone": named})
    backbones = tuple(resolve(backbone) for backbone in study.backbone)
    for adaptation in study.adaptation:
        if adaptation is not None:
            check_adaptation(adaptation, backbones)
    return study.model_copy(update={"backbone": backbones})
