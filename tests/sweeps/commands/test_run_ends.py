"""How `after-ray run` ends when its launch is over: what it says, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from after_ray.errors import AfterRayError
from sweeps.commands.run import run_opened
from sweeps.launching.budget import Limits
from sweeps.launching.launch import Outcome
from sweeps.launching.ray_start import Where
from sweeps.running.studies import RunReport
from sweeps.tracking import MirrorReport
from tests.sweeps.small import small_study

CELLS = 6


def run_to(
    outcome: Outcome,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    finished: bool = False,
    elsewhere: bool = False,
) -> None:
    """A run whose launch had this outcome."""
    opened = small_study(folder)
    keys = {cell.key for cell in opened.plan.cells} if finished else set()
    report = RunReport(outcome, (MirrorReport(0, 0, None),))
    monkeypatch.setattr("sweeps.running.studies.run_studies", lambda *asked: report)
    monkeypatch.setattr(type(opened.store.ledger), "finished", lambda ledger: keys)
    monkeypatch.setattr("sweeps.commands.run.print_report", lambda opened, tracking_uri: print("the report"))
    monkeypatch.setattr("sweeps.provenance.drift.drift", lambda *asked: ["other code"])
    run_opened([opened], Where("10.0.0.5:6379") if elsewhere else Where(), None, Limits())


@pytest.mark.parametrize(
    ("outcome", "why", "code"),
    [
        (
            Outcome(1, unmet="no node holds it", stopped="its time is over"),
            "no node holds it",
            1,
        ),
        (Outcome(1, stopped="its time is over"), "its time is over", 3),
        (Outcome(1, {"key": "broken"}), "'after-ray status {study} --store {store}' says why", 1),
    ],
    ids=["unmet", "stopped", "failed"],
)
def test_what_is_missing_is_said_with_its_reason_and_an_exit_code_of_its_own(
    outcome: Outcome,
    why: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended:
        run_to(outcome, tmp_path, monkeypatch)
    assert ended.value.exit_code == code
    told = why.format(study=tmp_path / "small.yaml", store=tmp_path / "store")
    assert capsys.readouterr().out.splitlines()[-1] == f"{CELLS} cells are missing; {told}"


def test_a_run_that_has_all_ends_with_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_to(Outcome(4, stopped="its time is over"), tmp_path, monkeypatch, finished=True)
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "4 trials ran, 0 failed",
        "the report",
        "warning: other code",
    ]


def test_a_store_that_is_gone_is_one_sentence_and_nothing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AfterRayError, match="the store is gone"):
        run_to(
            Outcome(1, stopped="the store is gone", unavailable="the store is gone"), tmp_path, monkeypatch
        )
    assert capsys.readouterr().out.splitlines()[-1] == "1 trials ran, 0 failed"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("refuse_known_recordings", "sweeps.commands.run.refuse_known_recordings"),
        ("refuse_store_of_a_job", "sweeps.commands.run.refuse_store_of_a_job"),
        ("refuse_no_cache", "sweeps.launching.cache.refuse_no_cache"),
        ("warn_of_lone_tracker", "sweeps.commands.run.warn_of_lone_tracker"),
        ("probe", "after_ray.store.Store.probe"),
        ("answering", "sweeps.launching.ray_start.answering"),
    ],
)
def test_what_is_refused_is_refused_before_anything_runs(
    name: str,
    changed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*asked: object) -> None:
        raise AfterRayError(name)

    monkeypatch.setattr(changed, refuse)
    with pytest.raises(AfterRayError, match=name):
        run_to(Outcome(1), tmp_path, monkeypatch, elsewhere=name == "answering")
    assert "trials ran" not in capsys.readouterr().out
