"""Code that decides results cannot change unnoticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from after_ray import sources
from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.errors import AfterRayError
from after_ray.sources import UnsignedChange, all_parts, check, parts_of, sign, source_of
from after_ray.stages import AudioStage, NextRoundStage
from tests.after_ray.execution.chains import first_round


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the committed file, to sign into; no change of a strategy was signed before."""
    copy = tmp_path / "fingerprints.json"
    written = json.loads(sources.FILE.read_text())
    written["strategy:entropy"]["same_meaning"] = []
    written["strategy:entropy"].pop("means", None)
    copy.write_text(json.dumps(written))
    monkeypatch.setattr(sources, "FILE", copy)
    return copy


def test_no_code_of_a_stage_changed_without_a_new_version_or_a_signed_line() -> None:
    check()


def test_comments_docstrings_and_blank_lines_are_no_code() -> None:
    bare = sources._bare(
        '"""Says."""\n\nx = 1  # one\n\n\ndef f():\n    """Says\n    more."""\n    return "#"\n'
    )
    assert bare == 'x = 1\ndef f():\n    return "#"'
    assert sources._bare("x = 1\n") != sources._bare("x = 2\n")


def test_a_change_is_named_with_what_to_do(file: Path) -> None:
    written = json.loads(file.read_text())
    written["strategy:entropy"]["fingerprint"] = "0" * 16
    file.write_text(json.dumps(written))
    with pytest.raises(UnsignedChange, match=r"code of strategy:entropy changed\. .* --raised'; if the same"):
        check()
    with pytest.raises(AfterRayError, match="version of 'strategy:entropy' is 1 as before"):
        sign(None)
    assert sign("renamed a variable") == ["strategy:entropy"]
    assert json.loads(file.read_text())["strategy:entropy"]["same_meaning"] == ["renamed a variable"]
    check()


def test_a_signed_change_leaves_what_results_are_named_by_and_an_unsigned_one_does_not(file: Path) -> None:
    now = sources.fingerprint("strategy:entropy")
    assert sources.meaning_of("strategy:entropy") == now
    written = json.loads(file.read_text())
    written["strategy:entropy"]["fingerprint"] = "0" * 16
    file.write_text(json.dumps(written))
    assert sources.meaning_of("strategy:entropy") == now, "not signed yet"
    for reason in ("renamed a variable", "and another"):
        sign(reason)
        assert sources.meaning_of("strategy:entropy") == "0" * 16
        written = json.loads(file.read_text())
        written["strategy:entropy"]["fingerprint"] = "1" * 16
        file.write_text(json.dumps(written))
    sign("back again")
    assert sources.meaning_of("strategy:entropy") == "0" * 16, "of the first of all signed ones"
    written = json.loads(file.read_text())
    written["strategy:entropy"] |= {"fingerprint": "2" * 16, "version": 0}
    file.write_text(json.dumps(written))
    sign(None)
    assert sources.meaning_of("strategy:entropy") == now, "another version means another thing"


def test_a_raised_version_needs_no_reason_and_forgets_earlier_ones(file: Path) -> None:
    written = json.loads(file.read_text())
    written["classifier:light_sernet"] |= {"fingerprint": "0" * 16, "version": 0, "same_meaning": ["before"]}
    file.write_text(json.dumps(written))
    assert sign(None) == ["classifier:light_sernet"]
    assert json.loads(file.read_text())["classifier:light_sernet"]["same_meaning"] == []


def test_a_new_file_of_a_kind_is_a_part_and_a_removed_one_is_none(file: Path) -> None:
    written = json.loads(file.read_text())
    del written["strategy:margin"]
    written["strategy:gone"] = {"fingerprint": "0" * 16, "version": 1, "same_meaning": []}
    file.write_text(json.dumps(written))
    assert sources.unsigned() == ["strategy:margin", "strategy:gone"]
    sign("one came, one went")
    assert set(json.loads(file.read_text())) == set(all_parts())


def test_a_stage_rests_on_its_own_code_only() -> None:
    first = first_round(AudioStage("a"), FunctionalsSettings())
    second = NextRoundStage(first, 16, "entropy", "pretrained")
    assert parts_of(second) == ("learning", "classifier:functionals", "strategy:entropy")
    assert parts_of(first) == ("learning", "classifier:functionals", "initialization:clustering")
    assert parts_of(first.features) == ("features", "features:functionals")
    assert source_of(first) != source_of(second)
    assert source_of(AudioStage("a")) == source_of(AudioStage("b"))


def test_fingerprints_need_no_torch() -> None:
    code = "import sys, after_ray.sources as s; s.check(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
