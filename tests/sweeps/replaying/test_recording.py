"""What cannot be replayed is refused when the study is read or planned, in one sentence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from after_ray.errors import AfterRayError, BadSelections
from sweeps.planning.opening import OpenStudy
from sweeps.study.study_file import StudyError
from tests.sweeps.replaying.recorded import BY_HAND, Change, Row, by_hand, exported, replaying, rewrite


def refused(folder: Path, replay: dict[str, object] | None = None, **changed: object) -> str:
    with pytest.raises(AfterRayError) as caught:
        replaying(folder, replay, **changed)
    return str(caught.value)


def renamed(column: str, value: str) -> Change:
    return lambda rows: [row | {column: value} for row in rows]


def twice(rows: list[Row]) -> list[Row]:
    return [row | {"utterance": rows[0]["utterance"]} for row in rows]


def swapped(rows: list[Row]) -> list[Row]:
    """Fold 0 has what was recorded in fold 1."""
    other = {"0": "1", "1": "0"}
    return [row | {"fold": other[row["fold"]]} for row in rows]


def ordered_twice(rows: list[Row]) -> list[Row]:
    return [row | {"order": "1"} for row in rows]


def other_method(rows: list[Row]) -> list[Row]:
    """A second method that acquired what entropy did, each round backwards."""
    axes = ("strategy", "initialization", "fold", "seed", "round")
    sizes = Counter(tuple(row[axis] for axis in axes) for row in rows)
    last = {id(row): sizes[tuple(row[axis] for axis in axes)] for row in rows}
    backwards = [
        row | {"method": "zeta", "order": str(last[id(row)] + 1 - int(row["order"]))} for row in rows
    ]
    return [*rows, *backwards]


def test_a_hole_in_a_round_is_refused(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    rewrite(tmp_path / "selections.csv", lambda rows: [row for row in rows if row["order"] != "3"])
    assert "comes to round 0 order 4 after a hole: rounds count from 0 and order from 1" in refused(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            renamed("corpus", "emodb"),
            "it has nothing of synthetic fold 0 seed 0; it has emodb fold 0",
        ),
        (renamed("seed", "3"), "it has nothing of synthetic fold 0 seed 0; it has synthetic fold 0 seed 3,"),
        (
            renamed("manifest", "f" * 64),
            "it is of corpus 'synthetic' with manifest ffffffffffff, and here",
        ),
        (renamed("fold", "1.5"), "line 2 has fold '1.5', no whole number from 0 on"),
        (renamed("order", ""), "line 2 has order '', no whole number from 0 on"),
        (renamed("utterance", "synthetic/9"), "has the utterance 'synthetic/9' twice; keep one of them"),
        (
            renamed("strategy", "margin"),
            "at synthetic fold 0 seed 0 it has no trajectory of initialization random, strategy entropy; it "
            "has method functionals, adaptation none, strategy margin, initialization clustering, restart",
        ),
        (twice, "synthetic fold 0 seed 0 has the utterance 'synthetic/"),
        (swapped, "is not in train of fold 0 of synthetic but in"),
        (ordered_twice, "round 0, order 1 of synthetic fold 0 seed 0 is there twice, for synthetic/"),
        (
            other_method,
            "at synthetic fold 0 seed 0 it leaves open which of 2 trajectories is meant (method functionals; "
            "method zeta); choose with 'where: {method: ...}'",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    ran: OpenStudy, tmp_path: Path, change: Change, sentence: str
) -> None:
    path = exported(ran, tmp_path)
    rewrite(path, change)
    said = refused(tmp_path)
    assert said.startswith(f"The selections {path} cannot be replayed: ")
    assert sentence in said


def test_an_utterance_that_the_corpus_has_not_is_named(ran: OpenStudy, tmp_path: Path) -> None:
    path = exported(ran, tmp_path)
    rewrite(path, lambda rows: [row | {"utterance": row["utterance"] + "x"} for row in rows])
    assert "has utterances that are not there: synthetic/" in refused(tmp_path)


def test_no_file_and_no_csv_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "selections.csv"
    assert "the file cannot be opened (No such file or directory)" in refused(tmp_path)
    path.write_text("corpus,fold\nsynthetic,0\n")
    assert "it has no column seed and no order and no utterance, of corpus, fold, seed," in refused(tmp_path)
    path.write_text(",".join(BY_HAND) + "\n")
    assert "it has no rows" in refused(tmp_path)
    path.write_text("")
    assert "it is empty; its first line names columns: corpus, fold, seed, order" in refused(tmp_path)
    path.write_text(",".join([*BY_HAND, "order"]) + "\nsynthetic,0,0,1,a,1\n")
    assert "it has the column order twice; keep one of them" in refused(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    assert "it is no CSV (" in refused(tmp_path)
    path.write_text(",".join(BY_HAND) + "\nsynthetic,0,0,1,\n")
    assert "has utterances that are not there: " in refused(tmp_path)


def test_fewer_utterances_than_the_schedule_asks_for_are_refused(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    assert (
        "it has 29 utterances of synthetic fold 0, and the schedule asks for 36; end the schedule"
        in refused(tmp_path, schedule=[10, 50])
    )
    seconds = refused(tmp_path, schedule=[10, 50], protocol={"folds": {"count": 3}, "budget": "seconds"})
    assert "seconds of audio of synthetic fold 0, and the schedule asks for" in seconds


def test_where_chooses_among_several(ran: OpenStudy, tmp_path: Path) -> None:
    rewrite(exported(ran, tmp_path), other_method)
    one, other = (
        replaying(tmp_path, {"where": {"method": method}}).plan.recorded for method in ("functionals", "zeta")
    )
    assert len(one) == len(other) == 2, "two folds"
    assert one.keys().isdisjoint(other)
    again = replaying(tmp_path, {"where": {"method": "zeta", "initialization": "clustering"}}).plan.recorded
    assert again.keys().isdisjoint(other)
    assert "it has no trajectory of" in refused(tmp_path, {"where": {"method": "none"}})


def test_several_that_acquired_the_same_leave_nothing_open(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    alone = replaying(tmp_path).plan.recorded
    rewrite(
        tmp_path / "selections.csv",
        lambda rows: [*rows, *(row | {"method": "zeta"} for row in rows)],
    )
    assert replaying(tmp_path).plan.recorded.keys() == alone.keys()


def test_a_file_made_by_hand_needs_five_columns(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    full = replaying(tmp_path).plan
    rewrite(tmp_path / "selections.csv", by_hand, BY_HAND)
    hand = replaying(tmp_path).plan
    assert hand.recorded.keys() == full.recorded.keys()
    assert [t.key for t in hand.trajectories] == [t.key for t in full.trajectories]
    assert replaying(tmp_path, {"over": None}).plan.trajectories[0].axes.strategy == "replay"
    assert "'where' names method, a column that it has not (none of them)" in refused(
        tmp_path, {"where": {"method": "functionals"}}
    )


def test_which_strategy_is_meant_may_be_left_open_only_where_there_is_one(
    ran: OpenStudy, tmp_path: Path
) -> None:
    exported(ran, tmp_path)
    said = refused(tmp_path, {"over": None})
    assert "2 trajectories is meant (strategy entropy; strategy random); choose with 'over: ...'" in said


def test_the_order_of_rows_and_the_place_of_the_file_are_in_no_key(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    keys = [t.key for t in replaying(tmp_path).plan.trajectories]
    rewrite(tmp_path / "selections.csv", lambda rows: rows[::-1])
    (tmp_path / "below").mkdir()
    (tmp_path / "selections.csv").rename(tmp_path / "below" / "other.csv")
    moved = replaying(tmp_path, {"file": "below/other.csv"})
    assert [t.key for t in moved.plan.trajectories] == keys
    assert str(tmp_path) not in moved.resolved_yaml


def test_other_selections_are_other_keys_from_round_0_on(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    before = replaying(tmp_path, fold=0).plan.trajectories[0]
    last = max(int(row["order"]) for row in by_hand_of(ran, tmp_path))

    def exchanged(rows: list[Row]) -> list[Row]:
        order = {str(last): str(last - 1), str(last - 1): str(last)}
        return [row | {"order": order.get(row["order"], row["order"])} for row in rows]

    rewrite(tmp_path / "selections.csv", by_hand, BY_HAND)
    rewrite(tmp_path / "selections.csv", exchanged)
    after = replaying(tmp_path, fold=0).plan.trajectories[0]
    assert before.first.key != after.first.key
    assert before.key != after.key


def by_hand_of(opened: OpenStudy, folder: Path) -> list[Row]:
    from tests.sweeps.replaying.recorded import read

    (folder / "apart").mkdir()
    return by_hand(read(exported(opened, folder / "apart")))


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        ("replay", "'replay' names no file; write {name: replay, over: entropy, file: selections.csv}"),
        (["random", "replay(margin)"], "'replay(margin)' names no file"),
        ("power(replay(entropy))", "'power(replay(entropy))' goes over a replay, which judges nothing"),
        ({"name": "replay", "over": "entropi", "file": "x.csv"}, "unknown strategy 'entropi'; allowed"),
        ({"name": "replay", "file": "x.csv", "draws": 3}, "it has no option 'draws'"),
        ({"name": "replay", "file": ""}, "line 18: strategy.file: string should have at least 1 character"),
        ({"name": "replay", "where": {}}, "strategy.file: this key is missing"),
        (
            ["random", {"name": "replay", "file": "x.csv", "where": {"metod": "x"}}],
            "line 22: strategy.1.where: unknown key 'metod'; allowed: method, adaptation",
        ),
        (
            [{"name": "replay", "file": "x.csv"}, {"name": "replay", "file": "y.csv"}],
            "strategy: replay is listed twice",
        ),
    ],
)
def test_a_replay_that_is_written_wrongly_is_refused_at_its_line(
    tmp_path: Path, strategy: object, sentence: str
) -> None:
    with pytest.raises(StudyError) as caught:
        replaying(tmp_path, strategy=strategy)
    assert sentence in str(caught.value)


def test_the_errors_are_those_of_the_package() -> None:
    assert issubclass(BadSelections, AfterRayError)


def test_a_search_replays_nothing(tmp_path: Path) -> None:
    search = {"space": {"classifier.regularization": {"uniform": [0.1, 1]}}, "candidates": 2, "seed": 9}
    entry = {"name": "replay", "file": "x.csv"}
    with pytest.raises(StudyError, match="a search replays nothing; take the replay or the search out"):
        replaying(tmp_path, strategy=entry, fold="protocol", search=search)
