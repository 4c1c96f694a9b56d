import numpy as np
import pandas as pd
import pytest

from analysis.curves import learning_curves
from analysis.figures import GREY, INK, curves_figure, inline_svg, seconds_figure, to_png, to_svg
from analysis.tables import seconds_frame


@pytest.fixture
def frame(make_study):
    return make_study(lambda strategy, percent, fold, seed: 0.3 + 0.1 * fold + 0.05 * seed).results.frame


def draw(frame):
    return curves_figure(learning_curves(frame, np.random.default_rng(0)), {"emodb": 0.25}, "random")


def test_the_curve_shows_the_means_in_percent_over_the_labelled_share(frame):
    chance, random, entropy = draw(frame).axes[0].lines
    assert set(chance.get_ydata()) == {25.0}
    assert list(random.get_xdata()) == [1, 5, 10]
    np.testing.assert_allclose(entropy.get_ydata(), 42.5)


def test_the_axis_counts_labels_with_those_of_validation(frame):
    axes = draw(frame).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1\n44", "5\n60", "10\n80"]


def test_the_reference_is_grey_and_nothing_else_is(frame):
    _, random, entropy = draw(frame).axes[0].lines
    assert random.get_color() == GREY
    assert entropy.get_color() != GREY


def test_a_strategy_keeps_its_colour_across_initializations(frame):
    both = pd.concat([frame, frame.assign(initialization="clustering")], ignore_index=True)
    lines = {line.get_label(): line for line in draw(both).axes[0].lines}
    plain, clustered = lines["entropy, random init."], lines["entropy, clustering init."]
    assert plain.get_color() == clustered.get_color()
    assert plain.get_linestyle() != clustered.get_linestyle()


def test_adaptations_of_a_single_strategy_have_their_own_colours(frame):
    entropy = frame[frame["strategy"] == "random"]
    both = pd.concat([entropy, entropy.assign(adaptation="tapt")], ignore_index=True)
    _, none, tapt = draw(both).axes[0].lines
    assert none.get_color() != tapt.get_color()


def test_trainings_at_once_are_told_apart_though_they_are_points(frame):
    at_once = frame[frame["strategy"] == "random"].assign(strategy="none")
    both = pd.concat([frame, at_once, at_once.assign(adaptation="tapt")], ignore_index=True)
    lines = draw(both).axes[0].lines[1:]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == len(lines) == 4


def test_short_charged_times_are_in_seconds_and_long_ones_in_minutes(frame):
    seconds = seconds_frame_of(frame)
    axes = seconds_figure(seconds, "random").axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [30, 40, 50])
    assert axes.get_ylabel() == "charged seconds"
    longer = seconds.assign(charged_seconds=10 * seconds["charged_seconds"])
    axes = seconds_figure(longer, "random").axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [5, 400 / 60, 500 / 60])
    assert axes.get_ylabel() == "charged minutes"


def test_the_inlined_picture_takes_the_pages_colour_and_names_no_other_place(frame):
    svg = inline_svg(to_svg(draw(frame), "x"), 'a "title"')
    assert INK not in svg
    assert "currentColor" in svg
    assert "http" not in svg
    assert 'aria-label="a &quot;title&quot;"' in svg


def test_png_is_a_png(frame):
    assert to_png(draw(frame)).startswith(b"\x89PNG")


def seconds_frame_of(frame):
    from analysis.results import Results

    return seconds_frame(Results(frame, frame.iloc[:0], arrays={}.__getitem__))
