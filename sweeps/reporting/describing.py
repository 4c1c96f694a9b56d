"""What a report says of a study beside its results: corpora, families, methods, provenance."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Literal

import pandas as pd

from after_ray.corpora._base import Scan
from after_ray.manifest import Manifest
from after_ray.splits.overlap import sentence_overlap
from analysis.contrasts import Contrasts
from analysis.results import Results
from analysis.rows import ENVIRONMENT
from analysis.study import Copy, CorpusInfo, StudyInfo
from sweeps.designs import designs_of
from sweeps.planning.opening import OpenStudy
from sweeps.planning.plan import Plan
from sweeps.provenance.declared import declared_at
from sweeps.provenance.drift import drift
from sweeps.reporting.in_words import (
    folds_in_words,
    left_out_in_words,
    preset_in_words,
    protocol_in_words,
    selected_in_words,
    validation_in_words,
)
from sweeps.reporting.methods import checklist_of, made_here, methods_of
from sweeps.study.declaration import Study
from sweeps.study.splitting import Split


def study_info(opened: OpenStudy, results: Results | None = None) -> StudyInfo:
    """What the report says of a study beside its results, which say by what code and where they were made."""
    study = opened.study
    return StudyInfo(
        name=study.study,
        description=study.description,
        reference=study.compared_with,
        corpora={
            scan.manifest.corpus: _corpus_info(study, scan, split)
            for scan, split in zip(opened.scans, opened.plan.splits, strict=True)
        },
        protocol=". ".join(filter(None, (protocol_in_words(study.protocol), preset_in_words(study)))),
        selection="" if study.selected_from is None else selected_in_words(study.selected_from),
        weights_are=_weights(opened.plan),
        with_backbone=frozenset(
            one.axes.method for one in opened.plan.trajectories if one.first.backbone is not None
        ),
        backbones=tuple(one.name for one in study.backbone if one.name is not None and one.pretrained),
        made_here=made_here(study),
        settings_yaml=opened.resolved_yaml,
        commands=(opened.command("run"), opened.command("report")),
        families=_families(study),
        declared_at=declared_at(study, opened.store, _any_finished(opened)),
        equivalence=study.equivalence / 100,
        targets=tuple(target / 100 for target in study.targets),
        designs={name: design for name, design in designs_of(opened).items() if design.cut > 1},
        methods=methods_of(opened),
        checklist=checklist_of(opened),
        provenance=_provenance(opened),
        drift=_drift(opened, results),
    )


def _families(study: Study) -> tuple[Contrasts, ...]:
    return tuple(
        Contrasts(
            name=family.name,
            axis=family.compare,
            reference=family.against,
            percents=family.ratios,
            where={str(axis): value for axis, value in family.where.items()},
            metric=family.metric,
            declared=True,
            equivalence=study.equivalence / 100,
        )
        for family in study.families
    )


def _any_finished(opened: OpenStudy) -> bool:
    return not opened.store.ledger.finished().isdisjoint(cell.key for cell in opened.plan.cells)


def _drift(opened: OpenStudy, results: Results | None) -> tuple[str, ...]:
    """Of the cells that were read, and of whatever else this store has records of."""
    ledger, made = opened.store.ledger, {} if results is None else _environments(results)

    def environments(keys: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        known = {key: told for key in keys if (told := made.get(key))}
        return {**ledger.environments(set(keys) - known.keys()), **known}

    return tuple(drift([opened.plan], environments, made.keys() | ledger.finished()))


def _environments(results: Results) -> dict[str, Mapping[str, Any]]:
    """By key, where and by what cells were made; those that say the same are one object."""
    columns = [name for name in ENVIRONMENT if name in results.frame]
    few: dict[str, Mapping[str, Any]] = {}
    found = {}
    for key, *values in results.frame[["key", *columns]].itertuples(index=False, name=None):
        told = {n: _plain(value) for n, value in zip(columns, values, strict=True) if _is_known(value)}
        found[key] = few.setdefault(json.dumps(told, sort_keys=True, default=str), told)
    return found


def _provenance(opened: OpenStudy) -> tuple[tuple[str, str], ...]:
    """What a study knows of where its results come from, beside what its records say."""
    manifests = ", ".join(f"{one.manifest.corpus} {one.manifest.digest[:12]}" for one in opened.scans)
    return (("Study file", opened.path.name), ("Manifests", manifests))


def _is_known(value: Any) -> bool:
    return value is not None and value == value


def _plain(value: Any) -> Any:
    """A whole number as it was recorded: a column with gaps makes it a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _corpus_info(study: Study, scan: Scan, split: Split) -> CorpusInfo:
    """Sizes of the parts, how they were made, what they share, and of which copy, for the box of the page."""
    manifest = scan.manifest
    folds = [split.table.folds[index] for index in split.run]
    return CorpusInfo(
        train=_range([len(part.train) for part in folds]),
        validation=_range([len(part.validation) for part in folds]),
        test=_range([len(part.test) for part in folds]),
        shared_sentences=str(max(sentence_overlap(manifest, part).shared for part in folds)),
        copy=_copy(scan),
        folds=folds_in_words(split, manifest),
        validation_draw=validation_in_words(split, manifest, study.protocol.validation.cap),
        left_out=left_out_in_words(scan),
        validation_shares_speakers=any(part.validation_is_of_test for part in folds),
        test_shares_speakers=any(part.shares_speakers for part in folds),
        counts=_counts(manifest),
    )


def _counts(manifest: Manifest) -> dict[str, dict[str, int]]:
    """Utterances of each class, by the corpus they come from."""
    classes = pd.crosstab(manifest.sources, manifest.table["emotion"].to_numpy(dtype=object))
    return {
        str(name): {str(emotion): int(count) for emotion, count in row.items()}
        for name, row in classes.iterrows()
    }


def _copy(scan: Scan) -> Copy:
    members = {member.manifest.corpus: _copy(member) for member in scan.members}
    return Copy(scan.conformity.level, scan.conformity.differences, members)


def _range(sizes: list[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"


def _weights(plan: Plan) -> Literal["none", "random", "pretrained"]:
    with_backbone = [t for t in plan.trajectories if t.first.backbone is not None]
    if not with_backbone:
        return "none"
    return "pretrained" if all(t.axes.pretrained for t in with_backbone) else "random"
