"""Costs count shared rounds once, and say what they would have been without sharing."""

import pytest

from analysis.cost import cost_frame, cost_table


def test_shared_rounds_are_counted_once_and_charged_to_everyone_alone(make_study):
    study = make_study(lambda *_: 0.5, folds=(0,), seeds=(0,))
    results = study.results
    # Cells of the fake study name their round as their trial; two trajectories of three rounds are meant.
    results.frame["trial"] = results.frame["strategy"]
    (row,) = cost_frame(results).to_dict("records")
    assert (row["device"], row["cells"], row["trajectories"]) == ("cpu x", 6, 2)
    assert row["rounds_seconds"] == pytest.approx(5 * 10.0)  # round 0 is shared
    assert row["alone_seconds"] == pytest.approx(2 * (20.0 + 3 * 10.0))  # features and three rounds each
    assert [cell.text for cell in cost_table(results).rows[0]] == ["cpu x", "6", "2", "50 s", "100 s"]


def test_a_trajectory_over_two_devices_is_charged_once(make_study):
    results = make_study(lambda *_: 0.5, strategies=("random",), folds=(0,), seeds=(0,)).results
    results.frame["trial"] = "one"
    results.frame.loc[0, "device_name"] = "gpu y"
    frame = cost_frame(results).set_index("device")
    assert frame["trajectories"].to_dict() == {"cpu x": 1, "gpu y": 0}
    assert frame["alone_seconds"].sum() == pytest.approx(50.0)
    assert frame["rounds_seconds"].to_dict() == {"cpu x": 20.0, "gpu y": 10.0}


def test_every_device_has_its_row(make_study):
    results = make_study(lambda *_: 0.5).results
    results.frame.loc[:5, "device_name"] = "gpu y"
    results.frame.loc[6:7, "device_name"] = None
    frame = cost_frame(results)
    assert frame["device"].tolist() == ["cpu x", "gpu y", "not recorded"]
    assert frame["cells"].tolist() == [28, 6, 2]
