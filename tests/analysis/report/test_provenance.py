"""The page says where results were read, and by what they were made."""

import dataclasses

from analysis.report.provenance import provenance
from analysis.study import StudyInfo

STUDY = StudyInfo(name="x", provenance=(("Study file", "x.yaml"),))


def test_what_the_records_say_is_counted_where_it_differs(make_study):
    results = make_study(lambda *_: 0.5).results
    frame = results.frame.assign(commit="abc", python="3.11.7", threads=[1.0] * 30 + [2.0] * 6)
    frame["packages"] = [{"torch": "2.13.0"}] * 35 + [{"torch": "2.12.0", "numpy": "2.4.6"}]
    told = dict(provenance(STUDY, dataclasses.replace(results, frame=frame, read_from="MLflow")))
    assert told == {
        "Study file": "x.yaml",
        "Results read from": "MLflow",
        "Code (commit)": "abc",
        "Python": "3.11.7",
        "Packages": "numpy 2.4.6 and unknown, torch 2.12.0 and 2.13.0",
        "Devices": "cpu x",
        "Threads of a trial": "1 (30 cells), 2 (6 cells)",
    }


def test_what_nobody_recorded_is_left_out(make_study):
    told = dict(provenance(StudyInfo(name="x"), make_study(lambda *_: 0.5).results))
    assert set(told) == {"Results read from", "Devices", "Threads of a trial"}
    assert told["Results read from"] == "the store"
