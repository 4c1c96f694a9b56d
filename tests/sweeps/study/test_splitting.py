"""From a protocol to the folds of each corpus, to fold files and back; the command that shows them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from after_ray.errors import BadFold, BadFoldFile
from after_ray.execution.kept_folds import keep_folds
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: split
corpus: {name: synthetic, speakers: 6, sentences: 4}
classifier: functionals
schedule: [10, 50]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def opened(study: Path, *overrides: str) -> OpenStudy:
    return open_study(study, study.parent / "store", overrides)


def keys(study: Path, *overrides: str) -> set[str]:
    return {trajectory.key for trajectory in opened(study, *overrides).plan.trajectories}


def write_folds(study: Path, *overrides: str) -> Path:
    words = [word for override in overrides for word in ("--set", override)]
    arguments = [
        "corpora",
        "folds",
        str(study),
        "--store",
        str(study.parent / "store"),
        "--out",
        str(study.parent),
    ]
    done = CliRunner().invoke(app, [*arguments, *words])
    assert done.exit_code == 0, done.output
    return study.parent / "synthetic.folds.csv"


def test_a_fold_file_of_the_same_folds_means_the_same(study: Path) -> None:
    path = write_folds(study, "protocol.folds.count=3")
    assert keys(study, f"protocol.folds.file={path}") == keys(study, "protocol.folds.count=3")


def test_an_edited_fold_file_is_used_and_means_something_else(study: Path) -> None:
    path = write_folds(study, "protocol.folds.count=3")
    before = opened(study, f"protocol.folds.file={path}").plan.splits[0]
    validation = int(before.table.folds[0].validation[0])
    train = int(before.table.folds[0].train[0])
    lines = path.read_text().splitlines()
    for row, part in ((validation, "train"), (train, "validation")):
        utterance, _, *others = lines[row + 2].split(",")
        lines[row + 2] = ",".join([utterance, part, *others])
    path.write_text("\n".join(lines) + "\n")
    after = opened(study, f"protocol.folds.file={path}").plan.splits[0]
    assert train in after.table.folds[0].validation
    assert after.stage.folds.scheme == "file"
    assert after.stage.key != before.stage.key


def test_a_fold_file_is_looked_for_beside_the_study(study: Path) -> None:
    path = write_folds(study, "protocol.folds.count=3")
    assert keys(study, f"protocol.folds.file={path.name}") == keys(study, "protocol.folds.count=3")


def test_a_fold_file_of_another_corpus_is_refused(study: Path) -> None:
    path = write_folds(study)
    with pytest.raises(BadFoldFile, match="it is of corpus 'synthetic' with manifest"):
        opened(study, f"protocol.folds.file={path}", "corpus.sentences=5")


def test_another_validation_beside_a_fold_file_is_refused(study: Path) -> None:
    path = write_folds(study)
    sentence = (
        "its validation has draw by_utterance, and the study asks for draw by_speaker .leave 'validation'"
    )
    with pytest.raises(BadFoldFile, match=sentence):
        opened(study, f"protocol.folds.file={path}", "protocol.validation=by_speaker")


def test_a_validation_that_is_asked_for_by_name_is_not_passed_over(study: Path) -> None:
    path = write_folds(study, "protocol.validation=half_of_test")
    assert opened(study, f"protocol.folds.file={path}").plan.splits[0].table.folds[0].validation_is_of_test
    with pytest.raises(BadFoldFile, match="has draw half_of_test, and the study asks for draw by_utterance"):
        opened(study, f"protocol.folds.file={path}", "protocol.validation=by_utterance")


def test_folds_and_a_file_at_once_are_one_sentence(study: Path) -> None:
    with pytest.raises(StudyError, match="a fold file says everything; leave 'count' and 'balance' out"):
        opened(study, "protocol.folds={file: x.csv, count: 3}")


SMALL = "protocol.first_round.size=null"  # the official code's 200 do not fit


def test_the_official_code_has_its_second_fold_only_and_tests_on_half(study: Path) -> None:
    plan = opened(study, "protocol=official_code", SMALL).plan
    assert {t.axes.fold for t in plan.trajectories} == {1}
    part = plan.splits[0].table.folds[1]
    assert part.validation_is_of_test
    assert abs(len(part.test) - len(part.validation)) <= 1
    assert {
        t.axes.fold for t in opened(study, "protocol=official_code", SMALL, "fold=all").plan.trajectories
    } == set(range(5))


def test_what_a_study_writes_overrides_one_entry_of_the_preset(study: Path) -> None:
    plan = opened(study, "protocol={preset: official_code, validation: by_speaker}", SMALL).plan
    assert not plan.splits[0].table.folds[1].validation_is_of_test
    plan = opened(study, "protocol={preset: official_code, folds: leave_one_speaker_out}", SMALL).plan
    assert len(plan.splits[0].table.folds) == 6
    assert plan.splits[0].table.folds[0].validation_is_of_test


def test_a_synthetic_corpus_has_no_sessions_to_cut_by(study: Path) -> None:
    with pytest.raises(BadFold, match=r"it has no two sessions, and every fold needs one to hold out. Set"):
        opened(study, "protocol.folds=sessions")


def test_the_command_prints_every_part_of_every_fold(study: Path) -> None:
    done = CliRunner().invoke(app, ["corpora", "folds", str(study), "--store", str(study.parent / "store")])
    assert done.exit_code == 0
    for index, part in enumerate(opened(study).plan.splits[0].table.folds):
        assert f"{index} " in done.output
        assert f" {len(part.test)} " in done.output
    assert not list(study.parent.glob("*.folds.csv"))
    assert "5 groups of speakers" in done.output
    assert "validation: 10 % of the rest, by class" in done.output
    assert "counted from 0" not in done.output


def test_the_folds_that_a_study_runs_are_named_where_it_does_not_run_all(study: Path) -> None:
    arguments = ["corpora", "folds", str(study), "--store", str(study.parent / "store")]
    done = CliRunner().invoke(app, [*arguments, "--set", "fold=[1, 3]"])
    assert "5 groups of speakers; run: 1, 3 (counted from 0)" in done.output


def speech(folder: Path, name: str, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-3000, 3000, 8000).astype(np.int16)
    soundfile.write(folder / f"{name}.wav", samples, 16000)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A study of a CSV: four speakers, two emotions, three takes each."""
    rows = ["path,speaker,emotion"]
    for seed, (speaker, emotion, take) in enumerate(itertools.product("abcd", ("calm", "joy"), "123")):
        speech(tmp_path, f"{speaker}_{emotion}_{take}", seed)
        rows.append(f"{speaker}_{emotion}_{take}.wav,{speaker},{emotion}")
    (tmp_path / "own.csv").write_text("\n".join(rows) + "\n")
    path = tmp_path / "own.yaml"
    path.write_text(
        "study: own\ncorpus: {name: csv, file: own.csv}\nclassifier: functionals\nschedule: [50]\n"
        "protocol: {folds: {count: 2}}\n"
    )
    return path


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_study_that_tests_on_what_it_trains_with_is_refused(own: Path, verb: str) -> None:
    """The same recording under another speaker's name: no check of speakers sees it."""
    folds = opened(own).plan.splits[0].table.folds[0]
    names = opened(own).scans[0].manifest.table["path"]
    copied, tested = names[int(folds.train[0])], names[int(folds.test[0])]
    (own.parent / copied).write_bytes((own.parent / tested).read_bytes())
    done = CliRunner().invoke(app, [verb, str(own), "--store", str(own.parent / "store")])
    assert done.exit_code == 1
    assert "1 duplicate recording(s) cross test and training" in done.output.replace("\n", " ")
    assert Path(copied).stem in done.output
    assert not (own.parent / "store" / "ledger").exists()


def test_no_half_of_the_held_out_part_may_repeat_the_other(own: Path) -> None:
    """The official code's halves share speakers by design, never the same samples."""
    official = ("protocol=official_code", "protocol.folds.count=2", SMALL)
    folds = opened(own, *official).plan.splits[0].table.folds[1]
    names = opened(own).scans[0].manifest.table["path"]
    copied, tested = names[int(folds.validation[0])], names[int(folds.test[0])]
    (own.parent / copied).write_bytes((own.parent / tested).read_bytes())
    words = ["plan", str(own), "--store", str(own.parent / "store")]
    done = CliRunner().invoke(app, [*words, *(word for value in official for word in ("--set", value))])
    assert done.exit_code == 1
    assert "1 duplicate recording(s)" in done.output.replace("\n", " ")


def test_files_that_are_skipped_are_told_at_once(own: Path) -> None:
    (own.parent / "a_joy_2.wav").write_bytes(b"")
    arguments = ["plan", str(own), "--store", str(own.parent / "store"), "--set", "corpus.unusable=skip"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    told = "1 file(s) of own cannot be used and are left out, the first is a_joy_2.wav: empty file (0 bytes)"
    assert told in done.output.replace("\n", " ")


def test_a_cap_on_validation_is_of_rounds_and_not_of_folds_or_adaptations(study: Path) -> None:
    plain, capped = opened(study).plan, opened(study, "protocol.validation={cap: labelled}").plan
    assert plain.splits[0].stage.key == capped.splits[0].stage.key
    assert capped.trajectories[0].first.validation_cap == "labelled"
    assert {t.key for t in plain.trajectories}.isdisjoint(t.key for t in capped.trajectories)
    assert plain.shared.keys() == capped.shared.keys()


def test_the_folds_that_stand_in_the_store_are_those_that_a_plan_counts(study: Path) -> None:
    """Another library version may have drawn them: all that is said must concern what is trained on."""
    before = opened(study)
    (split,), (scanned,) = before.plan.splits, before.scans
    part, others = split.table.folds[0], split.table.folds[1:]
    validation = np.sort(np.append(part.validation, part.train[0]))
    theirs = replace(split.table, folds=(replace(part, train=part.train[1:], validation=validation), *others))
    keep_folds(split.stage, scanned.manifest, before.store, theirs)
    after = opened(study)
    assert after.plan.splits[0].table.digest == theirs.digest != split.table.digest
    assert len(after.plan.splits[0].table.folds[0].train) == len(part.train) - 1


def test_what_the_first_line_says_of_edited_folds_is_no_part_of_what_they_mean(study: Path) -> None:
    path = write_folds(study, "protocol.folds.count=3")
    lines = path.read_text().splitlines()
    row = next(n for n, line in enumerate(lines) if ",train" in line and not line.startswith("#"))
    lines[row] = lines[row].replace(",train", ",unused", 1)
    edited = "\n".join(lines) + "\n"
    found = set()
    for share in ("10.0", "20.0"):
        path.write_text(edited.replace('"share": 10.0', f'"share": {share}'))
        found.add(opened(study, f"protocol.folds.file={path}").plan.splits[0].stage.key)
    assert len(found) == 1


@pytest.mark.parametrize("said", ["null", '"x"', "[]"])
def test_a_fold_file_whose_first_line_was_edited_away_is_one_sentence(study: Path, said: str) -> None:
    path = write_folds(study)
    path.write_text(path.read_text().replace('"validation": {"share": 10.0}', f'"validation": {said}'))
    with pytest.raises(BadFoldFile, match="its first line is not of format 1"):
        opened(study, f"protocol.folds.file={path}")
