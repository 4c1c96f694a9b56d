"""Whether weights that were trained here have heard what a study tests with them."""

from __future__ import annotations

from pathlib import Path

from after_ray.errors import HeardTest
from sweeps.planning.opening import OpenStudy


def refuse_heard_tests(opened: OpenStudy) -> None:
    """Refuse to test on recordings that a backbone has heard in its training here, though without labels.

    Only what a command is about counts: one fold may be tested where others may not.

    Raises:
        HeardTest: for the first such fold.
    """
    parts = {
        scan.manifest.digest: (scan.manifest, split.table.folds)
        for scan, split in zip(opened.scans, opened.plan.splits, strict=True)
    }
    seen = set()
    for trajectory in opened.wanted.trajectories:
        first = trajectory.first
        backbone = first.backbone
        if backbone is None or backbone.origin is None:
            continue
        place = (first.audio.manifest, first.fold.index, backbone.identity)
        if place in seen:
            continue
        seen.add(place)
        manifest, folds = parts[first.audio.manifest]
        known, recordings = backbone.origin.audio, manifest.table["audio"].to_numpy(dtype=object)
        heard = [row for row in folds[first.fold.index].test.tolist() if recordings[row] in known]
        if heard:
            names = manifest.table["utterance"].to_numpy(dtype=object)[heard].tolist()
            raise HeardTest(Path(str(backbone.name)).name, first.fold.index, manifest.corpus, names)
