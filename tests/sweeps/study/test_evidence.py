"""Strategies meet the classifiers of their study when it is read, and all of them meet the same model."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.classifiers._settings import PooledTransformerSettings
from sweeps.reporting.in_words import dropout_in_words
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: small
corpus: synthetic
classifier: pooled_transformer
backbone: {config: {hidden_size: 48}}
strategy: [random, entropy]
schedule: [10, 50, 100]
"""
DRAWING = ["batchbald", "bald(draws=50)", "power(batchbald)", "{name: power, over: {name: bald, draws: 50}}"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def dropout(path: Path, *overrides: str) -> list[float]:
    study = load_study(path, overrides)
    return [one.head_dropout for one in study.classifier if isinstance(one, PooledTransformerSettings)]


def test_without_draws_nothing_changes(path: Path) -> None:
    assert dropout(path) == [0.0]
    assert dropout_in_words(load_study(path)) == ""


@pytest.mark.parametrize("strategy", DRAWING)
def test_one_strategy_that_draws_gives_all_the_same_dropout(path: Path, strategy: str) -> None:
    assert dropout(path, f"strategy=[random, entropy, {strategy}]") == [0.1]
    assert dropout(path, f"strategy=[{strategy}, random, entropy]") == [0.1], "wherever it stands"


@pytest.mark.parametrize(
    "classifier", ["pooled_transformer", "{name: pooled_transformer, fitting: {max_epochs: 3}}"]
)
@pytest.mark.parametrize("preset", ["paper", "official_code"])
def test_a_block_of_the_study_keeps_its_own_entries(path: Path, preset: str, classifier: str) -> None:
    overrides = [f"classifier={classifier}", f"protocol={preset}", "strategy=[random, bald]"]
    assert dropout(path, *overrides) == [0.1]
    assert dropout(path, *overrides, "classifier.head_dropout=0.25") == [0.25]


@pytest.mark.parametrize(
    ("classifier", "parts"),
    [
        (
            "{name: pooled_transformer, head_dropout: 0}",
            [
                "classifier pooled_transformer",
                "'head_dropout' is 0",
                "Set 'head_dropout' above 0 or leave it out",
            ],
        ),
        ("{name: light_sernet, dropout: 0}", ["classifier light_sernet", "Set 'dropout' above 0"]),
        ("{name: rh_emo, supervised: false}", ["classifier rh_emo", "Set 'dropout' above 0, or study"]),
        (
            "glam",
            ["classifier glam", "'dropout' is 0", "Set 'dropout' above 0, or study another strategy"],
        ),
        (
            "functionals",
            [
                "classifier functionals",
                "no dropout",
                "Choose pooled_transformer, w2v2_l_r_12, light_sernet or lssed",
            ],
        ),
        ("[pooled_transformer, functionals]", ["classifier functionals"]),
    ],
)
@pytest.mark.parametrize("strategy", ["batchbald", "power(batchbald)"])
def test_a_classifier_that_cannot_be_drawn_from_is_refused_by_name(
    path: Path, strategy: str, classifier: str, parts: list[str]
) -> None:
    with pytest.raises(StudyError) as refused:
        load_study(path, [f"strategy=[random, {strategy}]", f"classifier={classifier}"])
    for part in [f"the strategy '{strategy}' asks for draws of dropout", "study another strategy", *parts]:
        assert part in str(refused.value)


def test_a_classifier_with_dropout_of_its_own_is_taken_as_it_is(path: Path) -> None:
    study = load_study(path, ["strategy=[random, batchbald]", "classifier=light_sernet"])
    assert study.classifier[0].head_dropout_share == 0.3


def test_an_unknown_strategy_is_refused_at_its_place(path: Path) -> None:
    with pytest.raises(StudyError, match="unknown strategy 'batchbold'"):
        load_study(path, ["strategy=[random, batchbold]"])
    with pytest.raises(StudyError, match="a strategy is a name or a mapping"):
        load_study(path, ["strategy=[3]"])


def test_what_the_plan_says(path: Path) -> None:
    said = dropout_in_words(load_study(path, ["strategy=[random, bald, batchbald(draws=50)]"]))
    assert said == (
        "Dropout before the linear layer (0.1 in pooled_transformer) is the same for all strategies, because "
        "bald and batchbald(draws=50) draw from it."
    )
