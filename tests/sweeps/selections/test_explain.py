"""`after-ray explain` says of every acquired utterance what its round knew of it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from after_ray.classifiers import Labelled
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.corpora._settings import CsvSettings, EmodbSettings, MergedSettings, SyntheticSettings
from after_ray.environment import Execution
from after_ray.execution.features import open_summaries
from after_ray.initialization.clustering import standardise
from after_ray.store import SELECTION_FILE
from sweeps.cli import app
from sweeps.commands.explain import COLUMNS, _short
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.selections.choosing import trajectory_of
from sweeps.selections.explaining import Explanation, audio_path
from tests.sweeps.selections.ran import run_here
from tests.sweeps.small import small_study

CELL = "strategy=entropy,fold=1,initialization=clustering"


def explain(opened: OpenStudy, *arguments: object, store: Path | None = None) -> tuple[int, str]:
    words = ["explain", opened.path, "--store", store or opened.store.root, *arguments]
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, " ".join(done.output.split())


def explanation(opened: OpenStudy, number: int, cell: str = CELL) -> Explanation:
    return Explanation(opened, trajectory_of(opened.plan, cell), number)


def test_it_tells_what_was_acquired_first_choice_first(ran: OpenStudy, tmp_path: Path) -> None:
    told = explanation(ran, 1)
    code, said = explain(ran, "--cell", CELL, "--round", 1, "--out", tmp_path / "why.csv")
    assert code == 0, said
    assert "round 1 (20 % of train): 6 of 64 by entropy" in said
    assert "features that the classifier is trained on, standardised over train" in said
    assert "corpus label" not in said, "they are the corpus' own"
    with open(tmp_path / "why.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    record = ran.store.need(told.trajectory.stages[1].key)
    assert [row["utterance"] for row in rows] == record.details["acquired"]
    assert [float(row["score"]) for row in rows] == record.details["acquired_scores"]
    assert [(row["order"], row["rank"]) for row in rows] == [(str(n), str(n)) for n in range(1, 7)]
    table = ran.scans[0].manifest.table.set_index("utterance")
    for row in rows:
        assert row["label"] == table.loc[row["utterance"], "emotion"]
        assert row["audio"] == table.loc[row["utterance"], "path"]
        assert row["corpus_label"] == row["nearest_corpus_label"] == ""
        assert row["nearest_label"] == table.loc[row["nearest_labelled"], "emotion"]


def test_labels_are_what_was_told_and_the_corpus_own_stand_beside_those_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: dict[int, int] = {}  # row -> the class that a classifier was trained on
    fit = FunctionalsClassifier.fit

    def watched(self: Any, train: Labelled, *others: Any, **named: Any) -> Any:
        taught.update(zip(train.rows.tolist(), train.labels.tolist(), strict=True))
        return fit(self, train, *others, **named)

    monkeypatch.setattr(FunctionalsClassifier, "fit", watched)
    opened = small_study(tmp_path, strategy="entropy", schedule=[20, 40], label_noise=0.4)
    run_here(opened)
    code, said = explain(opened, "--cell", "fold=0", "--round", 1, "--out", tmp_path / "why.csv")
    assert code == 0, said
    assert "corpus label" in said
    with open(tmp_path / "why.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    manifest = opened.scans[0].manifest
    place = {name: row for row, name in enumerate(manifest.table["utterance"])}
    names = (("utterance", "label", "corpus_label"), ("nearest_labelled", *COLUMNS[7:9]))
    for utterance, label, of_corpus in names:
        for row in rows:
            told = manifest.classes[taught[place[row[utterance]]]]
            own = manifest.table["emotion"].iat[place[row[utterance]]]
            assert (row[label], row[of_corpus]) == (told, "" if told == own else own)
        assert {bool(row[of_corpus]) for row in rows} == {True, False}, "noise of 0.4, and not of 1"


def test_the_nearest_labelled_is_the_nearest_of_those_labelled_before(ran: OpenStudy) -> None:
    told = explanation(ran, 2)
    first = told.trajectory.first
    summaries = open_summaries(first.features, Execution(str(ran.store.root), ""))
    train = ran.plan.splits[0].table.folds[1].train
    points = dict(zip(train.tolist(), standardise(summaries[train]), strict=True))
    names = ran.scans[0].manifest.table["utterance"].tolist()
    before = [
        names.index(name)
        for stage in told.trajectory.stages[:2]
        for name in ran.store.need(stage.key).details["acquired"]
    ]
    for reason in told.reasons():
        here = points[reason.place.row]
        distances = [np.linalg.norm(points[row] - here) for row in before]
        assert reason.neighbour == names[before[int(np.argmin(distances))]]
        assert reason.distance == pytest.approx(min(distances))


def test_round_0_has_no_neighbours_and_shows_its_clusters(ran: OpenStudy) -> None:
    code, said = explain(ran, "--cell", CELL, "--round", 0)
    assert code == 0
    assert "8 of 72 by clustering" in said
    assert "recorded by clustering: " in said
    assert "clusters_tried [2, 3, 4" in said
    assert "nearest" not in said
    assert "labelled_by" not in said, "what every record has is no clustering's"


def test_what_stands_just_below_the_line_is_the_best_that_was_not_taken(ran: OpenStudy) -> None:
    told = explanation(ran, 1)
    record = ran.store.need(told.trajectory.stages[1].key)
    ranking = ran.store.arrays(record, SELECTION_FILE)
    names = ran.scans[0].manifest.table["utterance"]
    best = ranking["rows"][np.argsort(ranking["ranks"])]
    left = [name for name in names.iloc[best] if name not in record.details["acquired"]]
    below = told.below_the_line(3)
    assert [reason.place.utterance for reason in below] == left[:3]
    assert [reason.place.rank for reason in below] == [7, 8, 9]
    assert [reason.label for reason in below] == [None] * 3, "their labels were not revealed"
    assert len(told.below_the_line(1000)) == 64 - 6
    code, said = explain(ran, "--cell", CELL, "--round", 1, "--top", 1, "--near", 2)
    assert code == 0
    assert all(name in said for name in left[:2])
    assert record.details["acquired"][0] in said
    assert record.details["acquired"][1] not in said, "--top 1"


def test_a_pool_that_is_not_ranked_has_nothing_below_the_line(ran: OpenStudy) -> None:
    code, said = explain(ran, "--cell", CELL.replace("entropy", "random"), "--round", 1, "--near", 2)
    assert code == 0
    assert "the pool is not ranked by random: nothing stands just below the line" in said


def test_a_cell_may_be_named_by_the_beginning_of_a_key(ran: OpenStudy) -> None:
    wanted = trajectory_of(ran.plan, CELL)
    assert trajectory_of(ran.plan, wanted.key[:8]) is wanted
    assert trajectory_of(ran.plan, wanted.stages[1].key) is wanted
    shared = wanted.first.key
    code, said = explain(ran, "--cell", shared, "--round", 1)
    assert code == 1
    assert f"--cell '{shared}' means 2 trajectories, which differ in strategy random, entropy;" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--cell", "strategy=entropy", "--round", 1),
            "--cell 'strategy=entropy' means 4 trajectories, which differ in initialization random, "
            "clustering; fold 0, 1; name one value of each, such as initialization=random,fold=0.",
        ),
        (
            ("--cell", "strategy=bald", "--round", 1),
            "--cell 'strategy=bald': no trajectory has",
        ),
        (("--cell", "abcdef", "--round", 1), "no round of this study has a key that begins so; allowed"),
        (
            ("--cell", CELL, "--round", 3),
            "Bad --round: 3; allowed: 0 to 2, the last round of this",
        ),
        (
            ("--cell", CELL, "--round", 2, "--set", "schedule=[10, 20, 30]"),
            "is not recorded yet, its last one is round 1; to run it: after-ray run {study} --store {store} ",
        ),
        (
            ("--cell", CELL, "--round", 0, "--set", "seed=1"),
            "is not recorded yet, none of its rounds is; to run it: after-ray run {study} --store {store} "
            "--set seed=1 --only strategy=entropy,initialization=clustering,fold=1,seed=1",
        ),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    ran: OpenStudy, arguments: tuple[object, ...], sentence: str
) -> None:
    code, said = explain(ran, *arguments)
    assert code == 1
    assert sentence.replace("{study}", str(ran.path)).replace("{store}", ran.store.url) in said
    assert said.startswith("error: ")


def test_a_ranking_that_is_lost_is_told_and_not_called_none(ran: OpenStudy, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(ran.store.root, damaged)
    store = open_study(ran.path, damaged).store
    key = trajectory_of(ran.plan, CELL).stages[1].key
    store.path(store.need(key), SELECTION_FILE).unlink()
    code, said = explain(ran, "--cell", CELL, "--round", 1, "--out", tmp_path / "why.csv", store=damaged)
    assert code == 1
    assert "cannot be used" in said
    assert not (tmp_path / "why.csv").exists()


@pytest.mark.parametrize("out", [".", "", "/tmp"])
def test_a_folder_is_no_file_to_write(ran: OpenStudy, out: str) -> None:
    code, said = explain(ran, "--cell", CELL, "--round", 1, "--out", out)
    assert code == 1
    assert "Bad --out" in said
    assert "the name of a file, such as selections.csv" in said


def test_a_random_round_0_recorded_nothing_of_its_own(ran: OpenStudy) -> None:
    """What every round says of itself is no word of its initialization."""
    assert explanation(ran, 0, CELL.replace("clustering", "random")).round.details == {}


def test_a_store_that_was_moved_explains_alike(ran: OpenStudy, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(ran.store.root, moved)
    again = explain(ran, "--cell", CELL, "--round", 1, store=moved)
    assert again == explain(ran, "--cell", CELL, "--round", 1)


def test_what_a_strategy_recorded_is_told_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telling_strategy.py").write_text(
        "import numpy as np\n"
        "from after_ray.acquisition import Picked, Strategy\n"
        "class Telling(Strategy):\n"
        "    def _select(self, evidence, budget, generator):\n"
        "        said = {'ua_by': 'mine', 'saturation': [0.5, 0.123456]}\n"
        "        return Picked(np.arange(budget), details=said)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    opened = small_study(tmp_path, strategy="telling_strategy:Telling", schedule=[10, 20])
    run_here(opened)
    (trajectory,) = opened.plan.trajectories
    details = opened.store.need(trajectory.key).details
    assert set(details["ua_by"]) == {"gender", "speaker"}
    assert details["acquisition"]["ua_by"] == "mine"
    code, said = explain(opened, "--cell", "fold=0", "--round", 1)
    assert code == 0
    assert "recorded by telling_strategy:Telling: saturation [0.5, 0.1235]; ua_by mine" in said


def test_what_was_recorded_is_shortened() -> None:
    assert _short({"k": 3, "rule": "chord"}) == "k 3, rule chord"
    assert _short(list(range(500))).endswith("...")
    assert _short(True) == "True"


def test_audio_lies_below_the_folder_of_its_corpus() -> None:
    emodb = EmodbSettings(root="/speech/emodb")
    merged = MergedSettings(members=(emodb, SyntheticSettings()), test_corpus="emodb")
    assert audio_path(emodb, "wav/03a01Fa.wav") == "/speech/emodb/wav/03a01Fa.wav"
    assert audio_path(merged, "emodb/wav/03a01Fa.wav") == "/speech/emodb/wav/03a01Fa.wav"
    assert audio_path(merged, "synthetic/01-01-sad-01") == "01-01-sad-01"
    assert audio_path(CsvSettings(file="/calls/list.csv"), "a.wav") == "/calls/a.wav"
    assert audio_path(CsvSettings(file="/calls/list.csv", root="/audio"), "a.wav") == "/audio/a.wav"


def test_a_study_opened_again_explains_alike(ran: OpenStudy) -> None:
    again = open_study(ran.path, ran.store.root)
    assert explanation(again, 1).reasons() == explanation(ran, 1).reasons()
