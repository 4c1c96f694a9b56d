"""Families of cells and their names for people."""

import pytest

from analysis.families import AXES, NEUTRAL, Family, families, label, varying
from tests.analysis.paper.cells import family, flat, results_of

PLAIN = Family("emodb", "functionals", "none", "entropy", "random", "previous")


def test_what_annotators_answer_is_an_axis_and_neutral_unless_it_is_said():
    assert Family._fields == AXES
    assert {axis: getattr(PLAIN, axis) for axis in NEUTRAL} == NEUTRAL


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("corpus", "labels of the corpus"),
        ("majority", "majority labels"),
        ("soft", "soft labels"),
        ("single", "labels of one annotator"),
        ("votes(3)", "labels by votes of 3"),
    ],
)
def test_annotations_are_told_in_words(annotation, said):
    assert label(PLAIN._replace(annotation=annotation), ["annotation"]) == said


@pytest.mark.parametrize(
    ("noise", "said"), [("0", "none flipped"), ("0.1", "10 % flipped"), ("0.25", "25 % flipped")]
)
def test_noise_is_told_in_percent(noise, said):
    assert label(PLAIN._replace(label_noise=noise), ["strategy", "label_noise"]) == f"entropy, {said}"


def test_they_are_shown_only_where_they_vary():
    same = results_of(family(flat(0.6)), family(flat(0.5), strategy="random")).frame
    assert varying(same) == ["strategy"]
    several = results_of(family(flat(0.6)), family(flat(0.5), annotation="soft", label_noise="0.2")).frame
    assert varying(several) == ["annotation", "label_noise"]
    assert [label(one, varying(several)) for one in families(several)] == [
        "labels of the corpus, none flipped",
        "soft labels, 20 % flipped",
    ]
