"""Summary runs: one per table row, with the numbers of the table, brought up to date in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from after_ray.store import Draft, Store
from analysis.curves import sd_over_folds
from sweeps.tracking import Mirror, default_tracking_uri, read_frame
from sweeps.tracking._summary import Summaries, row_key, state_of
from sweeps.tracking.mirrored import MirroredRow, MirroredTrajectory, RowCell
from sweeps.tracking.sample import sample_rows, sample_study, sample_trajectories
from tests.sweeps.tracking.looking import PERCENTS, everything, nested, parent, points

Mirroring = Callable[..., None]


@pytest.fixture
def grid(store: Store) -> list[MirroredTrajectory]:
    """Two folds and two seeds of two strategies."""
    made = sample_trajectories(store, 2, 2, PERCENTS, utterances=5)
    return [one for one in made if one.tags["strategy"] in {"random", "entropy"}]


@pytest.fixture
def mirror_rows(store: Store) -> Mirroring:
    def run(trajectories: Sequence[MirroredTrajectory], rows: Sequence[MirroredRow], **options: bool) -> None:
        mirror = Mirror(default_tracking_uri(store), store, **options)
        mirror.open_study(sample_study(len(trajectories), tuple(rows)))
        for trajectory in trajectories:
            mirror.trajectory(trajectory)
        mirror.close_study()

    return run


def hide(store: Store, trajectory: MirroredTrajectory) -> Callable[[], None]:
    """Have the store forget a trajectory's rounds; returns what brings them back."""
    moved = []
    for _, key, _ in trajectory.rounds:
        record = store.root / "ledger" / key[:2] / f"{key}.json"
        moved.append((record, record.rename(store.root / f"aside-{key}.json")))
    return lambda: [aside.rename(record) for record, aside in moved] and None


def of_strategy(client: MlflowClient, strategy: str) -> Run:
    (found,) = [run for run in nested(client, "summary") if run.data.tags["strategy"] == strategy]
    return found


def measured(store: Store, trajectories: Sequence[MirroredTrajectory]) -> pd.DataFrame:
    rows = [
        {**one.tags, "percent": percent, "ua": store.need(key).measures["ua"]}
        for one in trajectories
        for percent, key, _ in one.rounds
    ]
    return pd.DataFrame(rows)


def test_a_row_has_mean_and_deviation_over_folds_of_its_seed_means(client, store, grid, mirror_rows):
    mirror_rows(grid, sample_rows(grid))
    assert len(nested(client, "summary")) == 2
    for (strategy, percent), cells in measured(store, grid).groupby(["strategy", "percent"]):
        by_fold = [scores.to_numpy() for _, scores in cells.groupby("fold")["ua"]]
        metrics = of_strategy(client, strategy).data.metrics
        assert metrics[f"ua_at_{percent:g}"] == pytest.approx(sum(s.mean() for s in by_fold) / 2, abs=1e-12)
        assert metrics[f"ua_at_{percent:g}_sd"] == pytest.approx(sd_over_folds(by_fold), abs=1e-12)
        assert metrics[f"ua_at_{percent:g}_n"] == 4
        assert {f"wa_at_{percent:g}", f"macro_f1_at_{percent:g}_sd"} <= metrics.keys()


def test_a_row_is_nested_tagged_and_found_by_a_search_that_joins_axes_and_numbers(client, grid, mirror_rows):
    mirror_rows(grid, sample_rows(grid))
    run = of_strategy(client, "entropy")
    assert run.data.tags["mlflow.parentRunId"] == parent(client).info.run_id
    assert run.info.run_name == "entropy clustering functionals madeup"
    assert (run.data.tags["cells"], run.data.tags["complete"]) == ("12 of 12", "true")
    query = "tags.`after_ray.kind` = 'summary' and tags.strategy = 'entropy' and metrics.ua_at_20 > 0.1"
    found = client.search_runs([run.info.experiment_id], query)
    assert [one.info.run_id for one in found] == [run.info.run_id]


def test_charged_seconds_count_each_stage_of_a_chain_once_and_audio_never(store):
    for key, kind, parents, seconds in (
        ("audio", "audio", (), 1000.0),
        ("adapted", "adaptation", ("audio",), 100.0),
        ("first", "round", ("adapted", "audio"), 10.0),
        ("last", "round", ("first", "adapted"), 1.0),
    ):
        store.commit(Draft(key, kind, {}, parents, {"ua": 0.5}, {"total": seconds}))
    row = MirroredRow({}, (RowCell(1, "first", 0, 0), RowCell(5, "last", 0, 0)))
    values = Summaries(store).run_of(row, {"first", "last"}).values
    assert (values["charged_seconds_at_1"], values["charged_seconds_at_5"]) == (110.0, 111.0)
    assert "ua_at_1_sd" not in values, "one fold has no deviation"


def test_more_finished_cells_bring_the_same_run_up_to_date(client, store, grid, mirror_rows):
    rows = sample_rows(grid)
    last = next(one for one in grid if one.tags["strategy"] == "random" and one.tags["fold"] == "1")
    bring_back = hide(store, last)
    mirror_rows([one for one in grid if one is not last], rows)
    before = of_strategy(client, "random")
    assert (before.info.status, before.data.tags["cells"]) == ("RUNNING", "9 of 12")
    assert before.data.metrics["ua_at_20_n"] == 3
    there = measured(store, [one for one in grid if one is not last])
    there = there[(there["strategy"] == "random") & (there["percent"] == 20)]
    of_folds = there.groupby("fold")["ua"].mean().mean()
    assert before.data.metrics["ua_at_20"] == pytest.approx(of_folds, abs=1e-12)
    assert abs(of_folds - there["ua"].mean()) > 1e-6, "the folds have unequal numbers of seeds"
    bring_back()
    mirror_rows(grid, rows)
    after = of_strategy(client, "random")
    assert after.info.run_id == before.info.run_id
    assert (after.info.status, after.data.tags["complete"]) == ("FINISHED", "true")
    expected = Summaries(store).run_of(rows[0], store.ledger.finished()).values
    assert after.data.metrics == expected
    history = points(client, "summary")[row_key(rows[0]), "ua_at_20"]
    assert [step for step, _, _ in history] == [9, 12], "one point for each state, the newest last"
    assert after.info.end_time == max(
        round(1000 * store.need(one.key).finished) for one in grid if one.tags["strategy"] == "random"
    )


def test_a_second_mirror_of_rows_changes_nothing_and_reads_no_record(
    client, store, grid, mirror_rows, monkeypatch
):
    mirror_rows(grid, sample_rows(grid))
    before = everything(client)
    read: list[str] = []
    real = Store.find
    monkeypatch.setattr(Store, "find", lambda self, key: read.append(key) or real(self, key))
    mirror_rows(grid, sample_rows(grid))
    assert everything(client) == before
    assert read == []


def test_a_study_made_smaller_shows_its_own_numbers_and_not_the_newest_step(client, store, grid, mirror_rows):
    """Points cannot be taken back, so the row gets a run of its own again."""
    mirror_rows(grid, sample_rows(grid))
    first = of_strategy(client, "random").info.run_id
    one_seed = [one for one in grid if one.tags["seed"] == "0"]
    rows = sample_rows(one_seed)
    mirror_rows(one_seed, rows)
    run = of_strategy(client, "random")
    assert run.data.metrics == Summaries(store).run_of(rows[0], store.ledger.finished()).values
    assert run.info.run_id != first


def test_other_seeds_as_many_replace_what_the_row_said(client, store, grid, mirror_rows):
    seeds = {seed: sample_rows([one for one in grid if one.tags["seed"] == seed]) for seed in "01"}
    for rows in seeds.values():
        mirror_rows([], rows)
    run = of_strategy(client, "random")
    assert run.data.metrics == Summaries(store).run_of(seeds["1"][0], store.ledger.finished()).values


def test_a_row_that_loses_a_percent_does_not_keep_it(client, grid, mirror_rows):
    mirror_rows([], sample_rows(grid))
    rows = sample_rows([replace(one, rounds=one.rounds[:2]) for one in grid])
    mirror_rows([], rows)
    assert "ua_at_20" not in of_strategy(client, "random").data.metrics


@pytest.mark.parametrize("fatal", ["create_run", "log_batch", "set_terminated", "set_tag"])
def test_a_mirror_that_died_in_a_row_is_completed_without_doubled_points(
    client, store, grid, mirror_rows, monkeypatch, fatal
):
    rows = sample_rows(grid)
    mirror_rows([], rows[1:])  # the experiment and the parent are there
    mirror = Mirror(default_tracking_uri(store), store)
    mirror.open_study(sample_study(0, rows))
    real = getattr(MlflowClient, fatal)

    def work_and_die(self: MlflowClient, *arguments: object, **named: object) -> None:
        real(self, *arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, fatal, work_and_die)
    with pytest.raises(KeyboardInterrupt):
        mirror.summarize()
    mirror.release()
    monkeypatch.undo()
    mirror_rows([], rows)
    assert len(nested(client, "summary")) == 2
    assert {len(history) for history in points(client, "summary").values()} == {1}
    assert of_strategy(client, "random").info.status == "FINISHED"


def test_a_row_made_twice_by_a_retried_request_is_removed(client, grid, mirror_rows):
    mirror_rows([], sample_rows(grid))
    before = points(client, "summary")
    for run in nested(client, "summary"):
        client.create_run(run.info.experiment_id, run.info.start_time + 1, tags=dict(run.data.tags))
    mirror_rows([], sample_rows(grid))
    assert points(client, "summary") == before


def test_a_row_without_a_finished_cell_has_no_run(client, store, grid, mirror_rows):
    for one in grid:
        hide(store, one)
    mirror_rows([], sample_rows(grid))
    assert nested(client, "summary") == []


def test_summaries_and_their_parent_are_not_in_the_frame(client, store, grid, mirror_rows):
    mirror_rows(grid, sample_rows(grid))
    frame = read_frame(default_tracking_uri(store), "sample")
    assert len(frame) == len(grid) * len(PERCENTS)
    assert set(frame["trial"]) == {one.key for one in grid}


def test_the_state_of_a_row_is_the_same_in_whatever_order_its_cells_are(grid, store):
    (row, *_) = sample_rows(grid)
    done = store.ledger.finished()
    turned = replace(row, cells=row.cells[::-1])
    assert state_of(turned, done) == state_of(row, done)
    assert Summaries(store).run_of(turned, done) == Summaries(store).run_of(row, done)
    states = [state_of(row, {cell.key for cell in row.cells[:n]}) for n in range(1, len(row.cells) + 1)]
    assert all(before != after for before, after in pairwise(states))
