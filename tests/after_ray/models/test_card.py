"""The model card, its intervals, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.metrics import confusion_matrix, macro_f1, unweighted_accuracy, weighted_accuracy
from after_ray.models.card import Group, Story, card
from after_ray.models.facts import Scripted
from after_ray.models.intervals import Measured, metrics_of, recalls_of
from tests.after_ray.models.folders import CLASSES, facts_of

CONFUSION = np.array([[18, 2, 0, 0], [3, 6, 1, 0], [0, 0, 12, 0], [5, 5, 5, 5]])


def test_metrics_are_those_of_the_confusion_and_lie_in_their_intervals() -> None:
    found = {one.name: one for one in metrics_of(CONFUSION)}
    assert found["UA"].value == unweighted_accuracy(CONFUSION)
    assert found["WA"].value == weighted_accuracy(CONFUSION)
    assert found["macro-F1"].value == macro_f1(CONFUSION)
    for one in found.values():
        assert one.low < one.value < one.high
        assert one.of == CONFUSION.sum()
    assert metrics_of(CONFUSION) == metrics_of(CONFUSION)


def test_intervals_are_those_of_a_bootstrap_written_out() -> None:
    """Utterances drawn again one by one, within their classes."""
    generator = np.random.default_rng(5)
    truth = np.repeat(np.arange(4), CONFUSION.sum(axis=1))
    answers = np.concatenate([np.repeat(np.arange(4), row) for row in CONFUSION])
    drawn: dict[str, list[float]] = {"UA": [], "WA": [], "macro-F1": []}
    for _ in range(3000):
        rows = np.concatenate(
            [generator.choice(np.flatnonzero(truth == c), (truth == c).sum()) for c in range(4)]
        )
        again = confusion_matrix(truth[rows], answers[rows], 4)
        for name, measure in zip(drawn, (unweighted_accuracy, weighted_accuracy, macro_f1), strict=True):
            drawn[name].append(measure(again))
    for one in metrics_of(CONFUSION):
        np.testing.assert_allclose(
            [one.low, one.high], np.percentile(drawn[one.name], [2.5, 97.5]), atol=0.02
        )


def test_recalls_have_wilsons_intervals_and_untested_classes_none() -> None:
    confusion = CONFUSION.copy()
    confusion[2] = 0
    found = recalls_of(confusion, CLASSES)
    assert [one.name for one in found] == ["anger", "happy", "sad"]
    for one, hits in zip(found, (18, 6, 5), strict=True):
        expected = proportion_confint(hits, one.of, method="wilson")
        np.testing.assert_allclose([one.low, one.high], expected, atol=1e-9)
    all_found = recalls_of(CONFUSION, CLASSES)[2]
    assert all_found.value == 1
    assert all_found.low < 0.8 < all_found.high == 1


def test_wilsons_interval_covers_what_it_says() -> None:
    """The true recall lies in about 95 % of intervals, exactly computed over all outcomes of 20 clips."""
    covered = 0.0
    for hits in range(21):
        (one,) = recalls_of(np.array([[hits, 20 - hits], [0, 0]]), ("a", "b"))
        covered += binom.pmf(hits, 20, 0.7) * (one.low <= 0.7 <= one.high)
    assert 0.93 < covered < 0.98


def story(**changed: object) -> Story:
    recalls = recalls_of(CONFUSION, CLASSES)
    group = Group("female", 1, Measured("UA", 0.5, 0.4, 0.6, 20), recalls[:1])
    other = Group("male", 3, Measured("UA", 0.25, 0.125, 0.5, 10), recalls[1:2])
    values = {
        "title": "functionals on calls",
        "data": ("48 utterances.",),
        "labels": ("8 labelled.",),
        "training": ("Seed 0.",),
        "heard": ("Nothing.",),
        "licences": ("Ask.",),
        "metrics": metrics_of(CONFUSION),
        "recalls": recalls,
        "groups": {"gender": (group, other)},
        "speakers": 4,
        "notes": ("A warning.",),
    }
    return Story(**{**values, **changed})  # type: ignore[arg-type]


def test_a_card_has_a_front_matter_and_all_that_is_told() -> None:
    text = card(facts_of(FunctionalsSettings()), story())
    _, front, rest = text.split("---\n", 2)
    assert yaml.safe_load(front)["pipeline_tag"] == "audio-classification"
    for told in (
        "48 utterances.",
        "8 labelled.",
        "Seed 0.",
        "Nothing.",
        "Ask.",
        "A warning.",
        "one fold and one seed",
    ):
        assert f"{told}" in rest
    assert "| recall of anger | 90.0 % | 69.9 % to 97.2 % | 20 |" in rest
    assert "| gender | speakers | utterances | UA | anger | happy |" in rest
    female = "| female | 1 | 20 | 50.0 % (40.0 % to 60.0 %) | 90.0 % (69.9 % to 97.2 %), 20 utt. |  |"
    assert female in rest
    male = "| male | 3 | 10 | 25.0 % (12.5 % to 50.0 %) |  | 60.0 % (31.3 % to 83.2 %), 10 utt. |"
    assert male in rest
    assert "these are of 4 speakers" in rest
    assert "Utterances of one speaker are not independent" in rest
    assert "Of female there is a single speaker" in rest
    assert "trust_remote_code" not in rest
    assert "torch.jit.load" not in rest


@pytest.mark.parametrize("kind", ["transformer", "scripted"])
def test_a_card_says_how_it_is_used(kind: str) -> None:
    facts = facts_of(FunctionalsSettings())
    if kind == "transformer":
        text = card(facts.model_copy(update={"kind": "transformer", "max_seconds": 10.0}), story())
        assert 'from_pretrained("FOLDER", trust_remote_code=True)' in text
        assert "It hears 10 s of a clip at most" in text
        assert "library_name: transformers" in text
    else:
        scripted = Scripted(file="model.ts", sha256="0" * 64)
        text = card(facts.model_copy(update={"scripted": scripted}), story(groups={}))
        assert 'torch.jit.load("FOLDER/model.ts")' in text
        assert '["anger", "happy", "neutral", "sad"]' in text
        assert "By gender" not in text
