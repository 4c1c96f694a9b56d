"""A plan with several annotations and shares of label noise, and one that a corpus cannot answer."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from after_ray.errors import NoVotes
from sweeps.planning.changes import changes
from sweeps.planning.only import BadSelection, Only
from sweeps.planning.trajectories import Axes
from sweeps.reporting.report import cells_frame
from sweeps.selections.choosing import SeveralTrajectories, trajectory_of
from tests.sweeps.small import small_study

NOISE = "label_noise=[0, 0.1]"


def test_every_share_of_noise_is_a_trajectory_of_its_own_and_the_first_is_that_of_before(
    tmp_path: Path,
) -> None:
    without, noisy = small_study(tmp_path).plan, small_study(tmp_path, NOISE).plan
    assert len(noisy.trajectories) == 2 * len(without.trajectories)
    assert {t.key for t in without.trajectories} < {t.key for t in noisy.trajectories}
    assert {t.axes.label_noise for t in noisy.trajectories} == {"0", "0.1"}
    assert {(t.axes.annotation, t.first.label_noise) for t in noisy.trajectories} == {
        ("corpus", 0.0),
        ("corpus", 0.1),
    }
    assert set(noisy.shared) == set(without.shared), "noise makes nothing anew but rounds"
    frame = cells_frame(noisy)
    assert set(frame["label_noise"]) == {"0", "0.1"}
    assert set(frame["annotation"]) == {"corpus"}
    assert frame["key"].nunique() == 2 * cells_frame(without)["key"].nunique()


def test_they_can_be_selected_and_told_apart(tmp_path: Path) -> None:
    plan = small_study(tmp_path, NOISE).plan
    chosen = Only.parse("label_noise=0.1,strategy=entropy").of(plan)
    assert [t.axes.label_noise for t in chosen.trajectories] == ["0.1"]
    with pytest.raises(BadSelection, match=r"no trajectory has label_noise '0\.5'"):
        Only.parse("label_noise=0.5").of(plan)
    with pytest.raises(SeveralTrajectories, match=r"differ in label_noise 0, 0\.1"):
        trajectory_of(plan, "strategy=entropy")
    assert {"annotation", "label_noise"} <= {field.name for field in fields(Axes)}


def test_an_extended_study_says_which_share_of_noise_is_new(tmp_path: Path) -> None:
    before, after = small_study(tmp_path).plan, small_study(tmp_path, NOISE).plan
    done = {stage.key for t in before.trajectories for stage in t.stages}
    found = changes(after, done)
    assert (found.done, found.new) == (2, 2)
    assert found.values == {"label_noise": ("0.1",)}


def test_votes_that_the_corpus_lacks_are_refused_when_planned(tmp_path: Path) -> None:
    with pytest.raises(NoVotes, match=r"The annotation soft .* train utterances of corpus 'synthetic'"):
        small_study(tmp_path, "annotation=[corpus, soft]")
