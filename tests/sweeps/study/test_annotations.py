"""Annotations and label noise as a study declares them, and what cannot go with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.annotation import CORPUS, AnnotationSettings
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: small
corpus: synthetic
classifier: functionals
schedule: [50, 100]
strategy: [random, entropy]
"""
RH_EMO = "classifier: {name: rh_emo, supervised: true}\nschedule: [100]\nstrategy: random\n"


def loaded(folder: Path, text: str, *overrides: str) -> Study:
    path = folder / "small.yaml"
    path.write_text(text)
    return load_study(path, overrides)


def test_without_either_the_corpus_answers_with_its_own_labels(tmp_path: Path) -> None:
    study = loaded(tmp_path, STUDY)
    assert study.annotation == (CORPUS,)
    assert study.label_noise == (0.0,)


def test_both_are_lists_of_names_and_of_numbers_or_single_values(tmp_path: Path) -> None:
    lists = "annotation: [corpus, soft, {name: votes, of: 3}]\nlabel_noise: [0, 0.1, 0.3]\n"
    study = loaded(tmp_path, STUDY + lists)
    assert [one.title for one in study.annotation] == ["corpus", "soft", "votes(3)"]
    assert study.label_noise == (0.0, 0.1, 0.3)
    single = loaded(tmp_path, STUDY + "annotation: soft\nlabel_noise: 0.2\n")
    assert single.annotation == (AnnotationSettings(name="soft"),)
    assert single.label_noise == (0.2,)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("annotation: [soft, soft]", "soft is listed twice"),
        ("annotation: crowd", "'corpus', 'majority', 'soft', 'single', 'votes' or 'people', not 'crowd'"),
        ("annotation: votes", r"the annotation votes needs 'of', a number of votes: \{name: votes, of: 3\}"),
        ("annotation: {name: soft, of: 2}", "the annotation soft has 'of: 2', which only votes reads"),
        ("annotation: []", "the list is empty"),
        ("label_noise: 1", "less than 1, not 1"),
        ("label_noise: -0.1", "greater than or equal to 0, not -0.1"),
        ("label_noise: [0.1, 0.1]", "0.1 is listed twice"),
        ("label_noise: [0.1, 0.10000001]", "0.1 is listed twice"),
        ("label_noise: [-0.0, 0]", "0 is listed twice"),
    ],
)
def test_what_means_nothing_is_refused_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(StudyError, match=told) as refused:
        loaded(tmp_path, f"{STUDY}{line}\n")
    assert "small.yaml, line 6: " in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"study: s\ncorpus: synthetic\n{RH_EMO}label_noise: 0.1", "the study has 'label_noise: 0.1'"),
        (f"study: s\ncorpus: synthetic\n{RH_EMO}annotation: [corpus, soft]", "has 'annotation: soft', which"),
    ],
)
def test_what_is_made_with_all_of_the_corpus_labels_meets_no_other_answer(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(StudyError, match=told) as refused:
        loaded(tmp_path, text)
    assert "the classifier rh_emo reads the corpus' own labels" in str(refused.value)
    assert "supervised: false" in str(refused.value)
    assert loaded(tmp_path, f"study: s\ncorpus: synthetic\n{RH_EMO}label_noise: 0").label_noise == (0.0,)


def test_an_adaptation_that_reads_labels_is_refused_likewise(tmp_path: Path) -> None:
    text = (
        "study: s\ncorpus: synthetic\nclassifier: pooled_transformer\nbackbone: {config: {hidden_size: 48}}\n"
        "adaptation: pseudo_tapt\nschedule: [100]\nlabel_noise: 0.1\n"
    )
    with pytest.raises(StudyError, match=r"the adaptation pseudo_tapt reads .* Choose 'adaptation: tapt'"):
        loaded(tmp_path, text)


def test_parts_may_have_their_own(tmp_path: Path) -> None:
    text = (
        STUDY
        + "parts:\n  - {label_noise: [0, 0.2]}\n  - {strategy: random, schedule: 100, annotation: soft}\n"
    )
    study = loaded(tmp_path, text)
    assert study.label_noise == (0.0, 0.2)
    assert [one.title for one in study.annotation] == ["corpus", "soft"]


def test_a_family_of_comparisons_may_be_about_noise_written_as_a_number(tmp_path: Path) -> None:
    families = (
        "label_noise: [0, 0.1]\n"
        "families: [{name: noise, compare: label_noise, against: 0, where: {annotation: corpus}},\n"
        "  {name: strategies, compare: strategy, against: random, where: {label_noise: 0.1}}]\n"
    )
    noise, strategies = loaded(tmp_path, STUDY + families).families
    assert noise.against == "0"
    assert strategies.where == {"label_noise": "0.1"}


def test_shares_of_noise_that_tables_name_alike_are_refused_in_parts_too(tmp_path: Path) -> None:
    parts = "parts: [{label_noise: 0.1}, {strategy: margin, label_noise: %s}]\n"
    with pytest.raises(StudyError, match=r"0\.1 is listed twice"):
        loaded(tmp_path, STUDY + parts % "0.10000001")
    assert loaded(tmp_path, STUDY + parts % "0.1").label_noise == (0.1,)


def test_minus_zero_is_no_noise(tmp_path: Path) -> None:
    (noise,) = loaded(tmp_path, f"{STUDY}label_noise: -0.0\n").label_noise
    assert str(noise) == "0.0"
    assert loaded(tmp_path, f"study: s\ncorpus: synthetic\n{RH_EMO}label_noise: -0.0\n")


def test_a_family_of_comparisons_names_an_annotation_as_the_study_does(tmp_path: Path) -> None:
    text = (
        "annotation: [corpus, soft, {name: votes, of: 3}]\n"
        "families: [{name: one, compare: annotation, against: {name: votes, of: 3}},\n"
        "  {name: two, compare: strategy, against: random, where: {annotation: {name: votes, of: 3}}},\n"
        "  {name: three, compare: annotation, against: votes(3), where: {strategy: entropy}},\n"
        "  {name: four, compare: annotation, against: {name: soft}, where: {strategy: random}}]\n"
    )
    one, two, three, four = loaded(tmp_path, STUDY + text).families
    assert one.against == two.where["annotation"] == three.against == "votes(3)"
    assert four.against == "soft"
    with pytest.raises(StudyError, match="needs 'of', a number of votes") as refused:
        loaded(tmp_path, STUDY + text.replace("against: {name: votes, of: 3}", "against: {name: votes}"))
    assert "line 7" in str(refused.value)


def test_a_search_has_one_share_of_noise_and_does_not_search_it(tmp_path: Path) -> None:
    search = "search: {space: {classifier.regularization: {choice: [1, 2]}}, candidates: 2, seed: 100}\n"
    with pytest.raises(StudyError, match="label_noise: a search compares configurations"):
        loaded(tmp_path, f"{STUDY.replace('[random, entropy]', 'random')}label_noise: [0, 0.1]\n{search}")
    other = search.replace("classifier.regularization", "label_noise").replace("[1, 2]", "[0.1, 0.2]")
    with pytest.raises(StudyError, match="cannot be searched, since it is what candidates are compared on"):
        loaded(tmp_path, STUDY.replace("[random, entropy]", "random") + other)


HEARD = "{name: unlabelled, root: speech, classes: [sad, anger]}"
PEOPLE = "{name: people, labelling: abc}"


def for_people(corpus: str = HEARD, annotation: str = PEOPLE, more: str = "") -> str:
    return STUDY.replace("corpus: synthetic", f"corpus: {corpus}") + f"annotation: {annotation}\n{more}"


def test_people_label_the_one_corpus_that_has_classes_for_them(tmp_path: Path) -> None:
    study = loaded(tmp_path, for_people())
    (annotation,) = study.annotation
    assert (annotation.by_people, annotation.labelling) == (True, "abc")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (for_people(annotation="corpus"), "the corpus 'speech' has 'classes', so that people label it"),
        (
            for_people(corpus="synthetic"),
            "'annotation: people' is of one corpus that has 'classes', and stands",
        ),
        (for_people(corpus=f"[{HEARD}, synthetic]"), "'annotation: people' is of one corpus"),
        (for_people(annotation=f"[{PEOPLE}, corpus]"), "'annotation: people' is of one corpus"),
        (for_people(more="label_noise: 0.1\n"), "'label_noise' replaces answers that people give"),
        (for_people(annotation="people"), "leave 'annotation' out of the study"),
        (for_people(corpus="{name: unlabelled, root: speech}"), "'speech' has no labels"),
    ],
)
def test_what_people_cannot_label_is_refused_with_the_command_that_writes_such_studies(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(StudyError, match=told):
        loaded(tmp_path, text)


def test_nothing_that_reads_all_labels_of_a_corpus_goes_with_people(tmp_path: Path) -> None:
    text = for_people().partition("classifier")[0] + RH_EMO + f"annotation: {PEOPLE}\n"
    with pytest.raises(StudyError, match="the classifier rh_emo reads the corpus' own labels"):
        loaded(tmp_path, text)
