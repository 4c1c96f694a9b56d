"""`after-ray report`: from MLflow or from the store, and what it says when MLflow lacks something."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from sweeps.commands.mirror import mirror_study
from sweeps.planning.opening import OpenStudy
from sweeps.reporting import report as reporting
from sweeps.tracking import default_tracking_uri
from sweeps.tracking.made_up import write_made_up
from tests.sweeps.small import small_study


def report(study: Path, *arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", str(study), *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenStudy:
    monkeypatch.setattr(reporting, "SIMULATIONS", 20)  # how often tests err is not looked at here
    opened = small_study(tmp_path)
    write_made_up(opened)
    return opened


def pages(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_report_is_the_same_from_mlflow_and_from_the_store(study: OpenStudy, tmp_path: Path) -> None:
    store, uri = study.store.root, default_tracking_uri(study.store)
    code, said = report(study.path, "--store", store)
    assert code == 0
    assert f"warning: MLflow at {uri} lacks 6 finished cells" in said.replace("\n", " ")
    assert f"'after-ray mirror {study.path} --store {store}' fills it in" in said
    page = (store / "reports" / "small" / "index.html").read_text()
    assert "MLflow lacks 6 finished cells; what is reported now is read from the store." in page
    assert str(tmp_path) not in page
    mirror_study(study, None, rebuild=False)
    for name, arguments in {"a": [], "b": ["--source", "mlflow"], "c": ["--source", "store"]}.items():
        code, said = report(study.path, "--store", store, *arguments, "--out", tmp_path / name)
        assert (code, "warning" in said) == (0, False), said
    first, second, third = (pages(tmp_path / name) for name in "abc")
    assert first == second
    mlflow, own = b"MLflow, experiment after-ray/small", b"the store"
    place = b"<dt>Results read from</dt><dd>%s</dd>"
    assert place % mlflow in first["index.html"]
    third["index.html"] = third["index.html"].replace(place % own, place % mlflow)
    assert first == third
    assert pages(tmp_path / "a").keys() == pages(store / "reports" / "small").keys()


def test_a_report_needs_no_store_where_mlflow_has_the_results(study: OpenStudy, tmp_path: Path) -> None:
    mirror_study(study, None, rebuild=False)
    uri, theirs = default_tracking_uri(study.store), tmp_path / "theirs"
    assert report(study.path, "--store", study.store.root)[0] == 0
    code, said = report(study.path, "--store", theirs, "--tracking-uri", uri)
    assert (code, "warning" in said) == (0, False), said
    written = [pages(root / "reports" / "small") for root in (study.store.root, theirs)]
    for files in written:
        assert b"6 of 6 cells are finished" in files.pop("index.html")  # the page also says what stores hold
    assert written[0] == written[1]


def test_who_asks_for_mlflow_gets_nothing_else(study: OpenStudy) -> None:
    code, said = report(study.path, "--store", study.store.root, "--source", "mlflow")
    assert code == 1
    assert "lacks 6 finished cells (it cannot be reached: there is no file" in said
    assert not (study.store.root / "reports").exists()


def test_a_source_that_is_none_is_refused(study: OpenStudy) -> None:
    code, said = report(study.path, "--store", study.store.root, "--source", "memory")
    assert code == 2
    assert "'memory' is not one of 'mlflow'" in said


def test_what_validation_chooses_is_shown_when_it_is_asked_for(study: OpenStudy, tmp_path: Path) -> None:
    store, folders = study.store.root, [tmp_path / name for name in ("paper", "validation")]
    quick = ("--simulations", 0)
    for folder, words in zip(folders, ((), ("--select", "validation")), strict=True):
        code, said = report(
            study.path, "--store", store, "--source", "store", "--out", folder, *quick, *words
        )
        assert code == 0, said
    default, chosen = map(pages, folders)
    name = "functionals, chosen by validation (up to 20 %)"
    assert b"chosen by validation (up to" not in b"".join(default.values())
    assert name in chosen["paper/table3.md"].decode()
    assert "that validation chooses: in every fold those" in chosen["methods.md"].decode()
    assert "able 3 has the fixed setting and the one that validation chooses" in chosen["index.html"].decode()
    assert default["selection.csv"] == chosen["selection.csv"]
    code, said = report(study.path, "--store", store, "--select", "test")
    assert code == 2
