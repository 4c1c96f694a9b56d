"""A study of several annotations under label noise: planned, run, mirrored, exported and reported."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from after_ray.errors import BadSelections
from analysis.families import families, label, varying
from analysis.paper.board import Board
from analysis.paper.claims import walk
from analysis.results import Results
from analysis.study import StudyInfo
from sweeps.commands.mirror import mirror_study
from sweeps.planning.opening import OpenStudy
from sweeps.reporting.report import read_results, write_study_report
from sweeps.selections.exporting import COLUMNS, Selections
from tests.sweeps.selections.ran import run_here
from tests.sweeps.small import small_study

EMOTIONS = ("anger", "happy", "sad")
CHANGED = {
    "annotation": ["corpus", "soft", {"name": "votes", "of": 3}],
    "label_noise": [0, 0.3],
    "schedule": [20, 40],
    "seed": [0],
    "targets": [10],
}


def corpus(folder: Path) -> Path:
    """Tones of 6 speakers in three classes, each with five annotators: one names another class, one none."""
    draws, rows = np.random.default_rng(0), []
    for speaker in range(6):
        for number in range(9):
            emotion = EMOTIONS[number % 3]
            time = np.arange(6400) / 16_000
            tone = np.sin(2 * np.pi * (120 + 90 * (number % 3) + 11 * speaker) * time)
            sound = (6000 * tone + 900 * draws.standard_normal(len(time))).astype(np.int16)
            path = folder / f"s{speaker}_{number}.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16_000)
                file.writeframes(sound.tobytes())
            votes = f"{emotion}=3 {EMOTIONS[(number + 1 + speaker % 2) % 3]}=1 / 5"
            rows.append({"path": path.name, "speaker": f"s{speaker}", "emotion": emotion, "votes": votes})
    table = folder / "mine.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    return table


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    folder = tmp_path_factory.mktemp("annotated")
    settings = {"name": "csv", "file": str(corpus(folder)), "called": "mine"}
    opened = small_study(folder, corpus=settings, **CHANGED)
    run_here(opened)
    return opened


@pytest.fixture(scope="module")
def results(study: OpenStudy) -> Results:
    return read_results(study, "store")


def test_every_combination_has_its_cells_and_its_name(study: OpenStudy, results: Results) -> None:
    assert results.complete
    assert len(study.plan.trajectories) == 3 * 2 * 2
    names = {label(one, varying(results.cells)) for one in families(results.cells)}
    assert "entropy, soft labels, 30 % flipped" in names
    assert "random, labels by votes of 3, none flipped" in names
    assert len(names) == 12


def test_annotations_and_wrong_labels_are_columns_of_the_frame(results: Results) -> None:
    frame = results.frame.set_index(["annotation", "label_noise", "strategy", "percent"]).sort_index()
    assert np.isnan(frame.loc[("corpus", "0", "entropy", 40.0), "annotations"])
    labelled = frame.loc[("soft", "0", "entropy", 40.0), "labelled"]
    assert frame.loc[("soft", "0", "entropy", 40.0), "annotations"] == 5 * labelled
    some = frame.loc[("votes(3)", "0", "entropy", 40.0), "annotations"]
    assert (3 * labelled < some).all(), "who named nothing was asked all the same"
    assert (some < 4 * labelled).all()
    assert frame.loc[("corpus", "0.3", "entropy", 40.0), "annotations"] == labelled
    plain = frame.loc[("corpus", "0")]
    assert plain["wrong"].isna().all()
    assert plain["wrong_acquired"].isna().all()
    others = frame.drop(index=("corpus", "0"))
    assert others["wrong"].notna().all()
    assert others.xs(40.0, level="percent")["wrong_acquired"].notna().all()
    assert others.xs(20.0, level="percent")["wrong_acquired"].isna().all()
    assert (frame.loc[("soft", "0"), "wrong"] == 0).all(), "three of four votes are for the corpus' own label"


def test_mlflow_and_the_store_give_the_same_frame(study: OpenStudy, results: Results) -> None:
    mirror_study(study, None, rebuild=False)
    pd.testing.assert_frame_equal(results.frame, read_results(study, "mlflow").frame)


def test_selections_say_whose_they_are(study: OpenStudy) -> None:
    rows = pd.DataFrame(Selections(study).rows(), columns=list(COLUMNS))
    assert set(rows["annotation"]) == {"corpus", "soft", "votes(3)"}
    assert set(rows["label_noise"]) == {"0", "0.3"}
    first = rows[rows["round"] == 0].groupby(["annotation", "label_noise", "strategy"])["utterance"]
    assert len({tuple(sorted(names)) for _, names in first}) == 1, "round 0 is chosen without any label"


def test_the_claim_about_noise_is_asked(results: Results) -> None:
    verdicts = walk(Board(results, StudyInfo("small", weights_are="none")))
    (verdict,) = (one for one in verdicts if one.claim.id == "noise-is-avoided")
    assert verdict.answer == "not testable here"
    assert "by single votes" not in verdict.reason, "20 % is a ratio of the study: its round 0"
    assert "nothing is acquired up to 20 %" in verdict.reason


def test_the_report_tells_them_in_words(study: OpenStudy, results: Results, tmp_path: Path) -> None:
    report = write_study_report(study, results, tmp_path / "report", simulations=20)
    page = " ".join(report.page.read_text().split())
    for words in (
        "3 annotations (corpus, soft, votes(3))",
        "2 shares of flipped labels (0, 0.3)",
        "soft labels, 30 % flipped",
        "Annotations against labels of the corpus",
        "Annotations by labelled share of train",
        "UA by annotations spent",
        "Annotations: those that the labels of this row took.",
        "the majority of 3 votes, drawn at random, of which 0 % or 30 % are replaced by another class",
    ):
        assert words in page, words


def test_a_replay_says_which_annotation_it_means(study: OpenStudy, tmp_path: Path) -> None:
    rows = pd.DataFrame(Selections(study).rows(), columns=list(COLUMNS))
    rows.to_csv(tmp_path / "selections.csv", index=False)
    table = str(study.study.corpus[0].file)  # type: ignore[union-attr]
    entry = {"name": "replay", "over": "entropy", "file": "selections.csv"}
    others = {"corpus": {"name": "csv", "file": table, "called": "mine"}, "schedule": [20, 40], "seed": 0}
    with pytest.raises(
        BadSelections, match=r"leaves open which of 6 trajectories .* choose with 'where: \{annot"
    ):
        small_study(tmp_path, strategy=entry, **others)
    where = {"annotation": "soft", "label_noise": 0.3}
    plan = small_study(tmp_path, strategy=entry | {"where": where}, **others).plan
    (chosen,) = plan.recorded.values()
    meant = rows[
        (rows["annotation"] == "soft") & (rows["label_noise"] == "0.3") & (rows["strategy"] == "entropy")
    ]
    names = study.scans[0].manifest.table["utterance"].to_numpy()[chosen]
    assert names.tolist() == meant["utterance"].tolist()
