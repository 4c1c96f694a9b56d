"""From a plan to the words of its report and of its tracker: what was cut how, and of which copy it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from after_ray.corpora._base import Scan
from after_ray.corpora._contract import Conformity, worst
from after_ray.manifest import Manifest
from after_ray.protocol import Protocol
from after_ray.store import Draft, Store
from analysis.report.copies import differences_in_words
from analysis.report.facts import warnings
from analysis.study import Copy, CorpusInfo
from sweeps.planning.opening import OpenStudy
from sweeps.planning.plan import make_plan
from sweeps.reporting.describing import study_info
from sweeps.reporting.in_words import protocol_in_words
from sweeps.reporting.report import read_results, write_study_report
from sweeps.study.loading import load_study
from sweeps.tracking.mirroring import mirrored_trajectory
from tests.after_ray.splits.toy import dialogs, rows

STUDY = """\
study: small
corpus: {corpus}
classifier: functionals
strategy: [random, entropy]
schedule: [50, 100]
"""
SINGLE = "{name: iemocap, root: iemocap}"
MERGED = "{name: merged, root: all, members: [iemocap, emodb]"
OFFICIAL, CONVERTED = Conformity("official"), Conformity("converted")
ALTERED = Conformity("altered", ("1 of 40 utterances is missing (F1)",))
EVERY_FOLD = "all other corpora are trained on in every fold"


def iemocap(conformity: Conformity = OFFICIAL) -> Scan:
    return Scan(dialogs(corpus="iemocap"), conformity=conformity)


def emodb(conformity: Conformity = CONVERTED, speakers: int = 6) -> Scan:
    """Speakers `emodb/00`, `emodb/01`, ..., as in a merged manifest."""
    genders = ("female", "male")
    table = [row for n in range(speakers) for row in rows("emodb", f"emodb/{n:02d}", genders[n % 2])]
    return Scan(Manifest("emodb", pd.DataFrame(table)), conformity=conformity)


def together(title: str, *members: Scan) -> Scan:
    table = pd.concat([member.manifest.table for member in members], ignore_index=True)
    conformity = worst({member.manifest.corpus: member.conformity for member in members})
    return Scan(Manifest(title, table), conformity=conformity, members=members)


def opened(folder: Path, corpus: str, scan: Scan, *overrides: str) -> OpenStudy:
    """A study whose corpus is made up: nothing is read but its file."""
    path = folder / "small.yaml"
    path.write_text(STUDY.replace("{corpus}", corpus))
    study = load_study(path, overrides)
    return OpenStudy(path, study, (scan,), make_plan(study, [scan.manifest]), Store(folder / "store"))


def single(folder: Path, *overrides: str) -> CorpusInfo:
    return study_info(opened(folder, SINGLE, iemocap(), *overrides)).corpus("iemocap")


def grouped(folder: Path, *overrides: str) -> OpenStudy:
    """Two corpora that are both tested; emodb has too few speakers for all five folds."""
    scan = together("merged_grouped", iemocap(), emodb(speakers=4))
    return opened(folder, f"{MERGED}, preset: merged_grouped}}", scan, *overrides)


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ("own", "5 sessions"),
        ("{scheme: speaker_groups, count: 3}", "3 groups of speakers"),
        ("leave_one_speaker_out", "one fold per speaker (the other speaker of a dialog is trained on)"),
        ("{balance: per_class_cap}", "5 sessions; train thinned to the rarest class"),
    ],
)
def test_the_cut_of_one_corpus_is_said(tmp_path: Path, folds: str, said: str) -> None:
    assert single(tmp_path, f"protocol.folds={folds}").folds == said


@pytest.mark.parametrize(
    ("tested", "folds", "said"),
    [
        ("iemocap", "own", f"5 sessions of iemocap; {EVERY_FOLD}"),
        ("emodb", "own", f"5 groups of speakers of emodb; {EVERY_FOLD}"),
        ("emodb", "leave_one_speaker_out", f"one fold per speaker of emodb; {EVERY_FOLD}"),
    ],
)
def test_the_cut_of_a_merged_corpus_names_the_one_that_is_tested(
    tmp_path: Path, tested: str, folds: str, said: str
) -> None:
    corpus = f"{MERGED}, test_corpus: {tested}}}"
    study = opened(tmp_path, corpus, together("merged", iemocap(), emodb()), f"protocol.folds={folds}")
    assert study_info(study).corpus("merged").folds == said


def test_a_merged_corpus_without_a_test_corpus_is_cut_in_all_its_members(tmp_path: Path) -> None:
    assert study_info(grouped(tmp_path)).corpus("merged_grouped").folds == (
        "5 groups of speakers of every corpus"
    )


@pytest.mark.parametrize(
    ("draw", "said", "shares"),
    [
        ("{share: 20}", "20 % of the rest, by class", False),
        ("by_speaker", "whole speakers, about 10 %", False),
        ("half_of_test", "half of the held-out part (official code: shares speakers with test)", True),
    ],
)
def test_the_draw_of_validation_is_said(tmp_path: Path, draw: str, said: str, shares: bool) -> None:
    info = single(tmp_path, f"protocol.validation={draw}")
    assert (info.validation_draw, info.validation_shares_speakers) == (said, shares)


def test_folds_dealt_by_utterance_are_said(tmp_path: Path) -> None:
    info = single(tmp_path, "protocol={folds: {scheme: utterances, count: 4}}")
    assert info.folds == "4 parts, dealt by utterance (speakers of test are trained on)"
    assert info.test_shares_speakers


def test_validation_of_a_merged_corpus_is_drawn_by_corpus_too(tmp_path: Path) -> None:
    info = study_info(grouped(tmp_path)).corpus("merged_grouped")
    assert info.validation_draw == "10 % of the rest, by corpus and class"


def test_a_capped_validation_is_called_so(tmp_path: Path) -> None:
    info = single(tmp_path, "protocol.validation={cap: labelled}")
    assert info.validation_draw == "10 % of the rest, by class, capped at the labelled size"


@pytest.mark.parametrize("draw", ["by_utterance", "half_of_test"])
def test_folds_of_a_changed_file_are_named_by_its_digest(tmp_path: Path, draw: str) -> None:
    written = opened(tmp_path, SINGLE, iemocap(), f"protocol.validation={draw}").plan.splits[0].table
    path = tmp_path / "folds.csv"
    written.write(path)
    moved = ",test" if draw == "half_of_test" else ",train"
    path.write_text(path.read_text().replace(",validation", moved, 1))
    study = opened(tmp_path, SINGLE, iemocap(), f"protocol.folds={{file: {path}}}")
    info = study_info(study).corpus("iemocap")
    digest = study.plan.splits[0].table.digest
    assert digest != written.digest
    assert info.folds == f"as a fold file says (digest {digest[:12]})"
    of_test = ", of the held-out part (shares speakers with test)" if draw == "half_of_test" else ""
    assert info.validation_draw == f"as the fold file says{of_test}"
    assert info.validation_shares_speakers is (draw == "half_of_test")


def test_a_file_of_folds_that_are_made_here_too_is_described_as_they_are(tmp_path: Path) -> None:
    opened(tmp_path, SINGLE, iemocap()).plan.splits[0].table.write(tmp_path / "folds.csv")
    info = single(tmp_path, f"protocol.folds={{file: {tmp_path / 'folds.csv'}}}")
    assert (info.folds, info.validation_draw) == ("5 sessions", "10 % of the rest, by class")


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("paper", "paper"),
        ("official_code", "official_code"),
        ({"preset": "paper", "folds": {"count": 3}}, "paper, with its own folds"),
        ({"preset": "official_code", "fold": [0], "restart": "previous"},
         "official_code, with its own fold, restart"),
    ],
)  # fmt: skip
def test_a_protocol_is_named_with_what_a_study_changes_in_it(protocol: object, said: str) -> None:
    assert protocol_in_words(Protocol.model_validate(protocol)) == said


def test_the_copies_of_all_members_are_handed_over(tmp_path: Path) -> None:
    assert study_info(grouped(tmp_path)).corpus("merged_grouped").copy == Copy(
        "converted", (), {"iemocap": Copy("official"), "emodb": Copy("converted")}
    )
    altered = opened(tmp_path, SINGLE, iemocap(ALTERED))
    assert study_info(altered).corpus("iemocap").copy == Copy("altered", ALTERED.differences)


def test_a_difference_of_a_member_is_reported_with_its_name_once(tmp_path: Path) -> None:
    study = opened(tmp_path, f"{MERGED}}}", together("merged", iemocap(), emodb(ALTERED)))
    copy = study_info(study).corpus("merged").copy
    assert copy.differences == ("emodb: 1 of 40 utterances is missing (F1)",)
    assert differences_in_words(copy) == "emodb: 1 of 40 utterances is missing (F1)"


def test_a_merged_study_is_reported_from_its_plan_and_its_records(tmp_path: Path) -> None:
    study = grouped(tmp_path)
    write_records(study)
    results = read_results(study, source="store")
    assert results.complete
    report = write_study_report(study, results, tmp_path / "report", simulations=20)
    page = " ".join(report.page.read_text().split())
    for words in (
        "Copy: iemocap (official), emodb (converted: another rate or codec)",
        "Folds: 5 groups of speakers of every corpus",
        "Validation: 10 % of the rest, by corpus and class",
        "<dt>Protocol</dt><dd>paper</dd>",
        "entropy: emodb",
        "(4 of 5 folds, worst)",
    ):
        assert words in page, words
    unknown = "15 results from before code was recorded: nothing is known of theirs."
    assert warnings(results, study_info(study)) == [unknown]
    skipping = replace(study, scans=(replace(study.scans[0], problems=(("a.wav", "silent"),)),))
    told = "1 file(s) of merged_grouped cannot be used and are left out, the first is a.wav: silent."
    assert warnings(results, study_info(skipping)) == [told, unknown]
    scores = pd.read_csv(report.folder / "by_corpus.csv")
    assert scores.groupby("test_corpus")["folds"].unique().map(list).to_dict() == {
        "emodb": [4],
        "iemocap": [5],
    }


def write_records(study: OpenStudy) -> None:
    """A record for every round, with UA 0.7 on iemocap and 0.4 on emodb where the fold tests it."""
    scan, (split,) = study.scans[0], study.plan.splits
    for trajectory, number in product(study.plan.trajectories, range(2)):
        stage = trajectory.stages[number]
        if study.store.find(stage.key) is not None:
            continue
        part = split.table.folds[trajectory.axes.fold]
        tested: Sequence[str] = sorted(set(scan.manifest.sources[part.test]))
        sizes = {"train": len(part.train), "validation": len(part.validation), "test": len(part.test)}
        draft = Draft(
            stage.key,
            "round",
            {},
            measures={"ua": 0.6, "wa": 0.6, "macro_f1": 0.6, "labelled": stage.size, **sizes},
            seconds={"total": 1.0},
            details={
                "classes": list(scan.manifest.classes),
                "confusion": [[3, 1, 0, 0], [0, 3, 1, 0], [0, 0, 3, 1], [1, 0, 0, 3]],
                "ua_by_corpus": {name: {"iemocap": 0.7, "emodb": 0.4}[name] for name in tested},
                "conformity": "converted",
            },
            environment={"device": "cpu", "device_name": "cpu x", "threads": 1, "shared_by": 1},
        )
        study.store.commit(draft)


def test_a_trajectory_is_mirrored_with_its_copy_and_its_protocol(tmp_path: Path) -> None:
    study = opened(tmp_path, SINGLE, iemocap(ALTERED), "protocol=paper_strict")
    tags = mirrored_trajectory(study, study.plan.trajectories[0]).tags
    assert (tags["conformity"], tags["protocol"]) == ("altered", "paper_strict")


@pytest.mark.parametrize(
    ("details", "level"), [({"conformity": {"level": "official"}}, "official"), ({}, "converted")]
)
def test_the_copy_that_was_prepared_counts_more_than_the_one_that_is_read_now(
    tmp_path: Path, details: dict[str, object], level: str
) -> None:
    study = opened(tmp_path, SINGLE, iemocap(CONVERTED))
    first = study.plan.trajectories[0].first
    study.store.commit(Draft(first.audio.key, "audio", {}, details=details))
    assert mirrored_trajectory(study, study.plan.trajectories[0]).tags["conformity"] == level


def test_each_trajectory_has_the_copy_of_its_own_corpus(tmp_path: Path) -> None:
    scans = (iemocap(), emodb(ALTERED))
    path = tmp_path / "two.yaml"
    path.write_text(STUDY.replace("{corpus}", f"[{SINGLE}, {{name: emodb, root: emodb}}]"))
    loaded = load_study(path, ())
    plan = make_plan(loaded, [scan.manifest for scan in scans])
    study = OpenStudy(path, loaded, scans, plan, Store(tmp_path / "store"))
    found = {
        tags["corpus"]: tags["conformity"]
        for tags in (mirrored_trajectory(study, trajectory).tags for trajectory in plan.trajectories)
    }
    assert found == {"iemocap": "official", "emodb": "altered"}


def test_a_report_says_which_files_were_left_out(tmp_path: Path) -> None:
    scan = replace(iemocap(), problems=(("a/b.wav", "empty file (0 bytes)"), ("c.wav", "silent")))
    info = study_info(opened(tmp_path, SINGLE, scan))
    told = "2 file(s) of iemocap cannot be used and are left out, the first is a/b.wav: empty file (0 bytes)"
    assert info.corpus("iemocap").left_out == told
    assert study_info(opened(tmp_path, SINGLE, iemocap())).corpus("iemocap").left_out == ""


def test_a_report_says_how_many_utterances_their_votes_leave_out(tmp_path: Path) -> None:
    scan = replace(iemocap(), unvoted=("a", "b"))
    told = "2 utterances of iemocap left out, with no vote for a used class"
    assert study_info(opened(tmp_path, SINGLE, scan)).corpus("iemocap").left_out == told
    both = replace(scan, problems=(("c.wav", "silent"),))
    assert study_info(opened(tmp_path, SINGLE, both)).corpus("iemocap").left_out == (
        f"1 file(s) of iemocap cannot be used and are left out, the first is c.wav: silent; {told}"
    )


def test_a_report_says_which_of_the_folds_were_run(tmp_path: Path) -> None:
    one = study_info(opened(tmp_path, SINGLE, iemocap(), "fold=[1]")).corpus("iemocap")
    assert one.folds == "5 sessions; run: 1 (counted from 0)"
    assert study_info(opened(tmp_path, SINGLE, iemocap())).corpus("iemocap").folds == "5 sessions"


def test_two_mergers_of_the_same_utterances_are_described_each_by_its_own_folds(tmp_path: Path) -> None:
    """Their manifests are equal, so nothing but their place in the study tells them apart."""
    corpora = [f"{MERGED}, called: a, test_corpus: iemocap}}", f"{MERGED}, called: b, test_corpus: emodb}}"]
    path = tmp_path / "both.yaml"
    path.write_text(STUDY.replace("{corpus}", f"[{', '.join(corpora)}]"))
    scans = tuple(together(name, iemocap(), emodb()) for name in ("a", "b"))
    study = load_study(path)
    plan = make_plan(study, [scan.manifest for scan in scans])
    info = study_info(OpenStudy(path, study, scans, plan, Store(tmp_path / "store")))
    assert info.corpus("a").folds == f"5 sessions of iemocap; {EVERY_FOLD}"
    assert info.corpus("b").folds == f"5 groups of speakers of emodb; {EVERY_FOLD}"
    assert info.corpus("a").test != info.corpus("b").test


def test_a_command_line_names_no_folder(tmp_path: Path) -> None:
    study = opened(tmp_path, SINGLE, iemocap())
    given = ("corpus.root=/home/me/iemocap", "seed=[0, 1]", "corpus={name: iemocap, root: /home/me/x}")
    said = replace(study, overrides=given).command("run")
    assert said == (
        "after-ray run small.yaml --set corpus.root=DIR --set 'seed=[0, 1]' --set 'corpus={name: iemocap}'"
    )


def test_utterances_are_counted_by_corpus_and_class(tmp_path: Path) -> None:
    study = opened(tmp_path, f"{MERGED}}}", together("merged", iemocap(), emodb()))
    assert study_info(study).corpus("merged").counts == {
        "iemocap": dict.fromkeys(("anger", "happy", "neutral", "sad"), 50),
        "emodb": dict.fromkeys(("anger", "happy", "neutral", "sad"), 30),
    }
    assert study_info(study).backbones == ()
