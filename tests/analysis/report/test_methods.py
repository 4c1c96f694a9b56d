"""Methods and checklist say what was done, and whether claims were declared before results were known."""

import dataclasses

from analysis.contrasts import Contrasts
from analysis.report.methods import checklist, declared_in_words, in_words, when_declared
from analysis.study import ChecklistItem, StudyInfo

FAMILY = Contrasts("main", "strategy", "random", percents=(5.0, 20.0), where={"initialization": "clustering"})
STUDY = StudyInfo(name="x", families=(FAMILY,), checklist=(ChecklistItem("Own?", "Yes."),))


def finished(results, *moments):
    frame = results.frame.assign(finished=100.0)
    frame.loc[range(len(moments)), "finished"] = moments
    return dataclasses.replace(results, frame=frame)


def told_of(study, results):
    return declared_in_words(study, results, when_declared(study, results))


def test_a_family_in_words():
    assert in_words(FAMILY) == "strategy against random at 5, 20 %, where initialization is clustering; UA"


def test_declared_before_the_first_result(make_study):
    results = finished(make_study(lambda *_: 0.5).results)
    told = told_of(dataclasses.replace(STUDY, declared_at=99.0), results)
    assert told.endswith("They were declared before the first of these cells had finished.")


def test_declared_when_results_were_known_is_exploratory(make_study):
    results = finished(make_study(lambda *_: 0.5).results, 50.0, 60.0)
    told = told_of(dataclasses.replace(STUDY, declared_at=99.0), results)
    assert "declared when 2 of these cells had finished already" in told
    assert told.endswith("are therefore exploratory.")


def test_a_declaration_that_no_launch_had_is_not_believed(make_study):
    told = told_of(STUDY, make_study(lambda *_: 0.5).results)
    assert "when they were declared is not known" in told


def test_undeclared_is_exploratory(make_study):
    told = told_of(StudyInfo(name="x"), make_study(lambda *_: 0.5).results)
    assert told.startswith("No family of comparisons was declared")


def test_the_checklist_begins_with_the_study_and_counts_what_is_missing(make_study):
    results = make_study(lambda *_: 0.5, left_out=lambda *cell: cell == ("entropy", 10, 0, 0)).results
    items = checklist(STUDY, results, "Declared.")
    assert items[0] == ChecklistItem("Own?", "Yes.")
    answers = {item.question: item.answer for item in items}
    assert answers["Which comparisons were planned, and how were they corrected?"] == "Declared."
    assert answers["Are runs missing or left out?"].startswith("Missing cells: 1 of 36.")
    # 36 cells but round 0 is shared by two strategies: 30 runs of 10 s, less the one that is missing
    assert (
        "cpu x; the rounds of the reported cells took 5 min in all"
        in answers["On what was it computed, and for how long?"]
    )
