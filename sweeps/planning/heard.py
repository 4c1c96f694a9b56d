"""Whether weights that were trained here know what a study tests, or labels that it has yet to buy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import HeardTest, UnboughtLabels
from after_ray.manifest import Manifest
from after_ray.splits.parts import Fold
from sweeps.planning.opening import OpenStudy
from sweeps.planning.trajectories import Trajectory
from sweeps.study.labels import ALL

REMEDY = "Choose a backbone whose training here read no label of these recordings"


def refuse_knowing_backbones(opened: OpenStudy) -> None:
    """Refuse weights that were trained here on what a study tests, or with labels that it has yet to buy.

    Only what a command is about counts: one fold may be run where others may not.

    Raises:
        HeardTest: for the first fold that tests what its backbone has heard, though without labels.
        UnboughtLabels: for the first fold that learns actively among recordings whose labels its backbone
            was trained with.
    """
    for trajectory, backbone, manifest, fold in _trained_here(opened):
        origin, recordings = backbone.origin, manifest.table["audio"].to_numpy(dtype=object)
        assert origin is not None
        name, known = Path(str(backbone.name)).name, origin.audio
        heard = [row for row in fold.test.tolist() if recordings[row] in known]
        if heard:
            names = manifest.table["utterance"].to_numpy(dtype=object)[heard].tolist()
            raise HeardTest(name, trajectory.first.fold.index, manifest.corpus, names)
        bought = origin.labelled.isdisjoint(recordings[fold.train])
        if not bought and trajectory.percents != ALL:
            raise UnboughtLabels(f"the training of the backbone {name}", trajectory.percents, REMEDY)


def _trained_here(
    opened: OpenStudy,
) -> Iterator[tuple[Trajectory, BackboneSettings, Manifest, Fold]]:
    """Trajectories whose backbone was trained here, one for each corpus, fold, backbone and schedule."""
    parts = {
        scan.manifest.digest: (scan.manifest, split.table.folds)
        for scan, split in zip(opened.scans, opened.plan.splits, strict=True)
    }
    seen = set()
    for trajectory in opened.wanted.trajectories:
        first = trajectory.first
        if first.backbone is None or first.backbone.origin is None:
            continue
        place = (first.audio.manifest, first.fold.index, first.backbone.identity, trajectory.percents)
        if place not in seen:
            seen.add(place)
            manifest, folds = parts[first.audio.manifest]
            yield trajectory, first.backbone, manifest, folds[first.fold.index]
