import dataclasses
import re

import pandas as pd
import pytest

from analysis._rendering import Cell
from analysis.contrasts import Contrasts
from analysis.errors import NoResults
from analysis.report import write_report
from analysis.report.facts import warnings
from analysis.report.page import _attributes
from analysis.study import Copy, CorpusInfo, StudyInfo
from tests.analysis.pages import text_of

STUDY = StudyInfo(
    name="known <study>",
    description="Two strategies & nothing else.",
    corpora={"emodb": CorpusInfo(shared_sentences="10")},
    weights_are="random",
    settings_yaml="study: known\n",
    commands=("after-ray run known.yaml",),
)


def known(strategy, percent, fold, seed):
    gain = 0.1 + 0.05 * ((fold + seed) % 2) if strategy == "entropy" and percent > 1 else 0.0
    return 0.4 + 0.1 * fold + gain


@pytest.fixture(scope="module")
def report(tmp_path_factory, study_maker):
    folder = tmp_path_factory.mktemp("known")
    return write_report(STUDY, study_maker(folder)(known).results, folder / "report")


def test_all_files_are_there(report):
    found = [path for path in report.folder.rglob("*") if path.is_file()]
    names = {path.relative_to(report.folder).as_posix() for path in found}
    tables = {f"{stem}.{kind}" for stem in ("table", "comparison") for kind in ("csv", "md", "tex")}
    pictures = {"curves.svg", "curves.png"}
    assert tables | pictures | {"seconds.csv", "cells.csv", "index.html"} <= names
    assert {"paper/table4.tex", "paper/claims.csv", "areas.csv", "measures.md"} <= names
    listed = set((report.folder / "files.txt").read_text().splitlines())
    assert listed == names - {"index.html", "files.txt"}
    assert {path.relative_to(report.folder).as_posix() for path in report.files} == listed


@pytest.mark.usefixtures("only_svg")
def test_what_an_earlier_report_left_is_removed_and_nothing_else(make_study, tmp_path):
    three = make_study(known, strategies=("random", "entropy", "margin")).results
    folder = tmp_path / "report"
    write_report(STUDY, three, folder)
    (folder / "notes.txt").write_text("mine")
    assert (folder / "critical_difference_1.svg").exists()
    one = make_study(known, strategies=("random",)).results
    write_report(STUDY, one, folder)
    assert not (folder / "critical_difference_1.svg").exists()
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "table.csv").exists()


def test_the_page_needs_no_network(report):
    page = report.page.read_text()
    assert not re.search(r"https?:", page)
    assert not re.search(r"<(link|img|iframe)\b|\bsrc=", page)
    assert "default-src 'none'" in page
    assert not re.search(r"url\((?!#)", page)
    assert page.count('<svg role="img"') == 2  # two methods are too few to be ranked


def test_ids_of_the_two_pictures_do_not_collide_where_they_are_used(report):
    page = report.page.read_text()
    used = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page))
    assert used
    assert {name: page.count(f'id="{name}"') for name in used} == dict.fromkeys(used, 1)


def test_the_page_opens_with_the_box(report):
    text = text_of(report.page)
    box = text[: text.rindex("Learning curves")]
    for fact in (
        "known <study>",
        "400 utterances in train, 100 in test, 40 in validation",
        "sentences shared by train and test: 10",
        "3 folds × 2 seeds",
        "random (backbone not pretrained)",
        "none could be computed: no comparison was tested",
        "not testable here (no pretrained weights)",
        "36 of 36 finished",
    ):
        assert fact in box


@pytest.mark.usefixtures("only_svg")
def test_the_box_says_how_folds_and_validation_were_made_and_of_which_copy(make_study, tmp_path):
    info = CorpusInfo(
        folds="5 groups of speakers",
        validation_draw="10 % of the rest, by class",
        copy=Copy("altered", ("<2> of 339 missing",)),
        validation_shares_speakers=True,
    )
    study = dataclasses.replace(STUDY, corpora={"emodb": info}, protocol="official_code")
    results = make_study(known, details=lambda *_: {"conformity": "altered"}).results
    text = text_of(write_report(study, results, tmp_path / "report").page)
    box, rest = text[: text.index("Read with care")], text[text.index("Read with care") :]
    for fact in (
        "Copy: ALTERED: <2> of 339 missing",
        "Folds: 5 groups of speakers",
        "Validation: 10 % of the rest, by class",
        "Protocol official_code",
    ):
        assert fact in box
    assert rest.index("of an ALTERED copy") < rest.index("shares speakers with test")


def test_what_nobody_knows_of_the_folds_is_left_out_of_the_box(report):
    text = text_of(report.page)
    box = text[: text.rindex("Learning curves")]
    assert "Copy: not recorded" in box
    assert not [word for word in ("Folds:", "Validation:", "Protocol") if word in box]


def test_names_are_escaped(report):
    assert "known &lt;study&gt;" in report.page.read_text()


def test_values_of_the_page_are_those_computed_by_hand(report):
    text = text_of(report.page)
    assert "50.0 ± 10.0 (50.0)" in text
    assert "62.5 ± 10.0 (62.5)" in text
    assert "+12.5" in text


@pytest.mark.usefixtures("only_svg")
def test_a_ragged_study_says_how_many_are_missing_and_what_is_not_tested(make_study, tmp_path):
    study = make_study(known, left_out=lambda *cell: cell == ("entropy", 10, 0, 0))
    study.store.ledger.fail(study.results.missing["key"].item(), "The node went away.")
    text = text_of(write_report(STUDY, study.results, tmp_path / "report").page)
    assert "1 of 36 cells are missing" in text
    assert "entropy, 10 %" in text
    assert "not tested: ragged, planned cells missing: 1" in text
    assert "Failed (1 cells): The node went away." in text


@pytest.mark.usefixtures("only_svg")
def test_identical_results_are_named_identical(make_study, tmp_path):
    results = make_study(lambda *_: 0.5, share_first=False).results
    text = text_of(write_report(STUDY, results, tmp_path / "report").page)
    assert "Results are identical in all of 3 exploratory comparisons." in text
    assert text.count("identical") == 5  # the summary, three comparisons, the area
    assert not re.search(r"\bnan\b", text.lower())


@pytest.mark.usefixtures("only_svg")
def test_a_single_seed_and_fold_and_ratio_still_make_a_page(make_study, tmp_path):
    results = make_study(known, percents=(5,), folds=(0,), seeds=(0,), share_first=False).results
    text = text_of(write_report(STUDY, results, tmp_path / "report").page)
    assert "No bands" in text
    assert "needs at least 2 seeds and 2 folds, has 1 and 1" in text


@pytest.mark.usefixtures("only_svg")
def test_without_a_candidate_there_is_nothing_to_compare(make_study, tmp_path):
    results = make_study(known, strategies=("random",)).results
    assert "There is nothing to compare" in text_of(write_report(STUDY, results, tmp_path / "report").page)


@pytest.mark.usefixtures("only_svg")
def test_another_reference_can_be_asked_for(make_study, tmp_path):
    results = make_study(known).results
    text = text_of(write_report(STUDY, results, tmp_path / "report", reference="entropy").page)
    assert "Strategies against entropy" in text
    assert "−12.5" in text


SAYS_ONE_CLASS = [[40, 0, 0, 0], [20, 0, 0, 0], [20, 0, 0, 0], [20, 0, 0, 0]]
SAYS_SEVERAL = [[20, 20, 0, 0], [14, 6, 0, 0], [0, 16, 4, 0], [0, 0, 20, 0]]  # recalls .5, .3, .2, 0


def test_collapsed_models_are_counted(make_study):
    results = make_study(lambda s, p, f, seed: SAYS_ONE_CLASS if (s, p) == ("entropy", 5) else 0.5).results
    (warning,) = warnings(results, STUDY)
    assert warning.startswith("entropy: the model says one class for everything in 6 cells (6 at 5 %)")


def test_a_share_that_is_not_what_the_schedule_says_is_told(make_study):
    results = make_study(lambda *_: 0.5).results
    frame = results.frame
    first = frame["percent"] == frame["percent"].min()
    grown = frame.assign(labelled=frame["labelled"].mask(first, 290))
    (warning,) = warnings(dataclasses.replace(results, frame=grown), STUDY)
    assert "at 1 %: 290 of 400 utterances are labelled, 72.5 %" in warning
    assert warnings(results, STUDY) == []


def test_a_ua_of_chance_over_several_classes_is_no_collapse(make_study):
    results = make_study(lambda *_: SAYS_SEVERAL).results
    assert results.frame["ua"].unique() == pytest.approx([0.25])
    assert warnings(results, STUDY) == []


def with_tapt(results):
    """The same study with a second adaptation, 0.3 to 0.34 better everywhere."""
    plain = results.frame[results.frame["strategy"] == "random"]
    better = 0.3 + 0.02 * ((plain["fold"] + 2 * plain["seed"]) % 3)
    keys = plain["key"] + "-adapted"
    adapted = plain.assign(adaptation="tapt", ua=plain["ua"] + better, key=keys)
    return dataclasses.replace(results, frame=pd.concat([plain, adapted], ignore_index=True))


@pytest.mark.parametrize("weights", ["random", "pretrained"])
@pytest.mark.usefixtures("only_svg")
def test_tapt_is_judged_with_pretrained_weights_only(make_study, tmp_path, weights):
    study = dataclasses.replace(STUDY, weights_are=weights)
    report = write_report(study, with_tapt(make_study(known).results), tmp_path / "report")
    table = pd.read_csv(report.folder / "comparison.csv")
    assert set(table["axis"]) == {"adaptation"}
    assert len(table) == 3
    shown = text_of(report.page)
    if weights == "pretrained":
        assert set(table["verdict"]) == {"better"}
        assert "+32.0" in shown
        return
    assert set(table["verdict"]) == {"not tested"}
    assert set(table["reason"]) == {"not testable here (no pretrained weights)"}
    assert not [name for name in table if name.endswith(".p")]
    assert shown.count("not tested: not testable here (no pretrained weights)") == 3
    assert "+32.0" not in shown


def test_random_weights_leave_claims_about_strategies_testable(report):
    table = (report.folder / "comparison.md").read_text()
    assert "+12.5" in table
    assert "not testable here" not in table


def test_what_trainings_said_is_counted_and_names_classes(make_study):
    said = ["1 of 4 classes without a labelled utterance yet, so never predicted: index 2."]
    two = ["2 of 4 classes without a labelled utterance yet, so never predicted: index 0, 3."]
    results = make_study(
        known, details=lambda s, percent, f, seed: {"warnings": {1: said, 5: two}.get(percent, [])}
    ).results
    assert warnings(results, STUDY) == [
        "1 of 4 classes without a labelled utterance yet, so never predicted: neutral (12 cells).",
        "2 of 4 classes without a labelled utterance yet, so never predicted: anger, sadness (12 cells).",
    ]


def test_unlike_devices_are_warned_about(make_study):
    results = make_study(known).results
    results.frame.loc[0, "device_name"] = "gpu y"
    assert any("different devices (cpu x, gpu y)" in warning for warning in warnings(results, STUDY))


def test_the_same_results_give_the_same_bytes(make_study, tmp_path):
    results = make_study(known).results
    first, second = (write_report(STUDY, results, tmp_path / name) for name in ("a", "b"))
    for one, other in zip((first.page, *first.files), (second.page, *second.files), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.usefixtures("only_svg")
def test_a_report_of_nothing_is_refused(make_study, tmp_path):
    results = make_study(known, left_out=lambda *_: True).results
    with pytest.raises(NoResults, match="no finished cell"):
        write_report(STUDY, results, tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.usefixtures("only_svg")
def test_two_methods_on_two_corpora_get_a_panel_each(make_study, tmp_path):
    results = make_study(known).results
    parts = [
        results.frame.assign(corpus=corpus, method=method)
        for corpus, method in (("emodb", "functionals"), ("ravdess", "a$b$c"))
    ]
    combined = dataclasses.replace(results, frame=pd.concat(parts, ignore_index=True))
    page = write_report(STUDY, combined, tmp_path / "report").page.read_text()
    assert "ravdess, a$b$c" in page


@pytest.mark.usefixtures("only_svg")
def test_what_was_declared_leads_and_is_not_explored_again(make_study, tmp_path):
    main = Contrasts("main", "strategy", "random", percents=(5.0,), declared=True)
    study = dataclasses.replace(STUDY, families=(main,), declared_at=0.0)
    results = make_study(known, strategies=("random", "entropy", "margin")).results
    report = write_report(study, results, tmp_path / "report", simulations=0)
    table = pd.read_csv(report.folder / "comparison.csv")
    assert table.groupby("declared")["percent"].unique().map(list).to_dict() == {True: [5.0], False: [10.0]}
    assert "declared comparison" in text_of(report.page)
    assert "exploratory comparison" not in text_of(report.page)


@pytest.mark.usefixtures("only_svg")
def test_what_was_declared_late_is_explored(make_study, tmp_path):
    main = Contrasts("main", "strategy", "random", percents=(5.0,), declared=True)
    study = dataclasses.replace(STUDY, families=(main,), declared_at=float("inf"))
    report = write_report(study, make_study(known).results, tmp_path / "report", simulations=0)
    text = text_of(report.page)
    assert "They were declared when 36 of these cells had finished already" in text
    assert "declared comparison" not in text
    assert not pd.read_csv(report.folder / "comparison.csv")["declared"].any()


@pytest.mark.usefixtures("only_svg")
def test_a_declared_family_of_the_same_runs_is_named(make_study, tmp_path):
    first = Contrasts("only round 0", "strategy", "random", percents=(1.0,), declared=True)
    study = dataclasses.replace(STUDY, families=(first,))
    text = text_of(write_report(study, make_study(known).results, tmp_path / "report", simulations=0).page)
    assert "“only round 0” has nothing to compare" in text


@pytest.mark.usefixtures("only_svg")
def test_a_method_with_a_backbone_of_random_weights_is_not_compared_with_others(make_study, tmp_path):
    methods = Contrasts("methods", "method", "functionals", declared=True)
    study = dataclasses.replace(
        STUDY, families=(methods,), declared_at=0.0, with_backbone=frozenset({"pooled_transformer"})
    )
    results = make_study(known).results
    other = results.frame.assign(method="pooled_transformer", key=results.frame["key"] + "t")
    other["ua"] = other["ua"] + 0.2 + 0.01 * other["fold"]
    both = dataclasses.replace(results, frame=pd.concat([results.frame, other], ignore_index=True))
    table = pd.read_csv(write_report(study, both, tmp_path / "a", simulations=0).folder / "comparison.csv")
    assert set(table[table["axis"] == "method"]["reason"]) == {"not testable here (no pretrained weights)"}
    ranks = pd.read_csv(tmp_path / "a" / "ranks.csv")
    assert {"functionals, none", "pooled_transformer, none"} == {
        title.partition("(")[2].rstrip(")") for title in ranks["ranking"]
    }
    pretrained = dataclasses.replace(study, weights_are="pretrained")
    table = pd.read_csv(
        write_report(pretrained, both, tmp_path / "b", simulations=0).folder / "comparison.csv"
    )
    assert "better" in set(table[table["axis"] == "method"]["verdict"])


@pytest.mark.usefixtures("only_svg")
def test_no_name_can_end_the_script_that_holds_the_numbers(make_study, tmp_path):
    results = make_study(known, strategies=("random", "</script><b>")).results
    page = write_report(STUDY, results, tmp_path / "report", simulations=0).page.read_text()
    numbers = page[page.index('id="points"') :]
    assert "</script><b>" not in page
    assert "\\u003c/script>\\u003cb>" in numbers[: numbers.index("</script>")]


def test_infinite_values_are_written_as_scripts_read_them():
    assert _attributes(Cell("not reached", value=float("inf")), "labels") == ' data-value="Infinity"'
    assert _attributes(Cell("—", value=float("nan")), "labels") == ""
