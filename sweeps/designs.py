"""What a study repeats on each of its corpora, for tests of significance to be calibrated on."""

from __future__ import annotations

import numpy as np

from after_ray.manifest import Manifest
from analysis.false_positives import Design
from sweeps.planning.opening import OpenStudy
from sweeps.study.declaration import Study
from sweeps.study.splitting import Split


def designs_of(opened: OpenStudy) -> dict[str, Design]:
    """The design of a study on each of its corpora, by name."""
    return {
        scan.manifest.corpus: _design(opened.study, scan.manifest, split)
        for scan, split in zip(opened.scans, opened.plan.splits, strict=True)
    }


def _design(study: Study, manifest: Manifest, split: Split) -> Design:
    """Folds are taken to be all of their mean size; of the reported ratios the middle one counts."""
    folds = [split.table.folds[index] for index in split.run]
    speakers = manifest.table["speaker"].to_numpy()
    tested = [len(np.unique(speakers[fold.test])) for fold in folds]
    reported = sorted(study.reported)
    return Design(
        folds=len(folds),
        seeds=len(study.seed),
        cut=len(split.table.folds),
        speakers=max(1, round(float(np.mean(tested)))),
        utterances=max(1, round(sum(len(fold.test) for fold in folds) / sum(tested))),
        classes=len(manifest.classes),
        labelled=reported[len(reported) // 2] / 100,
        test_over_train=float(np.mean([len(fold.test) / len(fold.train) for fold in folds])),
    )
