"""From a plan to the report: which cells there are, what the corpora look like, and where the page goes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pandas as pd

from after_ray.corpora._base import Scan
from after_ray.splits.overlap import sentence_overlap
from analysis.report import ReportPaths, write_report
from analysis.results import Results, from_store
from analysis.study import Copy, CorpusInfo, StudyInfo
from sweeps.in_words import (
    folds_in_words,
    left_out_in_words,
    preset_in_words,
    protocol_in_words,
    selected_in_words,
    validation_in_words,
)
from sweeps.planning.plan import Plan
from sweeps.study.declaration import Study
from sweeps.study.opening import OpenStudy
from sweeps.study.splitting import Split


def cells_frame(plan: Plan) -> pd.DataFrame:
    """One row per cell: its axes, percent, size, its record's key and its trajectory's key."""
    return pd.DataFrame(
        [
            {
                **asdict(c.axes),
                "percent": c.percent,
                "size": c.size,
                "key": c.key,
                "trial": c.trial,
                "protocol": plan.study.protocol.preset,
            }
            for c in plan.cells
        ]
    )


def read_results(opened: OpenStudy) -> Results:
    """The results that the store has for a study's cells."""
    return from_store(cells_frame(opened.plan), opened.store)


def report_folder(opened: OpenStudy) -> Path:
    """Where a study's report is written."""
    return opened.store.root / "reports" / opened.study.study


def write_study_report(opened: OpenStudy, results: Results, folder: Path) -> ReportPaths:
    """Write the report page with its tables and figures."""
    return write_report(study_info(opened), results, folder)


def study_info(opened: OpenStudy) -> StudyInfo:
    """What the report says of a study beside its results."""
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
        settings_yaml=opened.resolved_yaml,
        commands=(opened.command("run"), opened.command("report")),
    )


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
    )


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
