import pytest

from analysis.paper.figure2 import figure2
from analysis.paper.figure3 import figure3
from analysis.paper.pictures import forms
from tests.analysis.paper.cells import PAPERS, board_of, family, flat, papers_study


def test_figure_2_has_a_curve_per_strategy_and_initialization_of_the_adapted_model():
    figure, curves = figure2(board_of(*papers_study(), study=PAPERS))
    assert set(curves["adaptation"]) == {"tapt"}
    shown = set(zip(curves["strategy"], curves["initialization"], strict=True))
    assert shown == {(s, i) for s in ("random", "entropy") for i in ("random", "clustering")}
    (panel,) = figure.axes
    assert sum(len(line.get_xdata()) == 3 for line in panel.lines) == 4


def test_there_is_no_figure_2_of_a_single_ratio():
    assert figure2(board_of(family(flat(0.6), percents=(20,)))) is None


def test_figure_3_compares_trainings_with_all_labels_and_with_few():
    seconds = {"seconds": lambda fold, seed, percent: 600.0 * percent}
    once = {"strategy": "none", "initialization": "random", "percents": (100,), "seconds": lambda *_: 6000.0}
    curve = {"method": "pooled_transformer", "pretrained": True}
    figure, times = figure3(
        board_of(
            family(flat(0.7), **curve, **once),
            family(flat(0.7), **curve, **seconds),
            family(flat(0.7), method="glam", **once),
        )
    )
    bars = times[times["panel"] == "A"].set_index("name")["minutes"]
    assert bars.to_dict() == pytest.approx({"FT (100 %)": 100.0, "FT+AL (20 %)": 200.0})
    line = times[times["panel"] == "B"]
    assert line["minutes"].tolist() == pytest.approx([50.0, 200.0, 1000.0])
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([100.0, 200.0])


def test_the_end_of_a_trajectory_is_not_called_a_single_training():
    _, times = figure3(board_of(family(flat(0.7))))
    assert times["name"].unique().tolist() == [
        "functionals+AL (100 %)", "functionals+AL (20 %)", "functionals+AL",
    ]  # fmt: skip


def test_times_of_shared_devices_are_hatched():
    shared, _ = figure3(board_of(family(flat(0.7), shared_by=4)))
    alone, _ = figure3(board_of(family(flat(0.7))))
    assert {bar.get_hatch() for bar in shared.axes[0].patches} == {"///"}
    assert {bar.get_hatch() for bar in alone.axes[0].patches} == {None}
    assert "no benchmark" in shared.get_supxlabel()
    assert alone.get_supxlabel() == ""


def test_there_is_no_figure_3_where_no_time_is_known():
    assert figure3(board_of(family(flat(0.7), seconds=lambda *_: float("nan")))) is None


def test_pictures_are_vectors_and_pixels_and_the_same_bytes_each_time():
    drawn = [forms(figure3(board_of(family(flat(0.7))))[0], "figure3") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0]["figure3.pdf"].startswith(b"%PDF")
    assert drawn[0]["figure3.png"].startswith(b"\x89PNG")
    assert "<svg" in drawn[0]["figure3.svg"]
