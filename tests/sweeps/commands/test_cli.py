"""The command line: light until a command needs more, one sentence for every mistake, nothing half-done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app

STUDIES = sorted((Path(__file__).parents[3] / "sweeps").glob("*.yaml"))


def invoke(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from sweeps.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'ray', 'mlflow', 'pandas', 'sklearn', 'transformers', 'matplotlib', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_planning_imports_neither_torch_nor_ray(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sweeps.planning.opening import open_study\n"
        f"open_study(Path({str(STUDIES[0].parent / 'quickstart.yaml')!r}), Path({str(tmp_path)!r}))\n"
        "heavy = {'torch', 'ray', 'mlflow', 'transformers'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_plan_prints_json_that_a_script_can_read(tmp_path: Path) -> None:
    code, output = invoke("plan", STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path, "--json")
    assert code == 0
    counts = json.loads(output)
    assert counts["study"] == "quickstart"
    assert counts["missing"] == counts["cells"] > 0
    assert counts["done"] == 0
    assert {"trajectories", "adaptations"} <= set(counts)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_that_ships_can_be_planned(
    path: Path, tmp_path: Path, corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTER_RAY_CORPORA", str(corpora))
    code, output = invoke("plan", path, "--store", tmp_path, "--json")
    assert code == 0, output


def test_the_emodb_study_is_400_trajectories_and_3200_cells(
    tmp_path: Path, corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTER_RAY_CORPORA", str(corpora))
    _, output = invoke("plan", STUDIES[0].parent / "emodb.yaml", "--store", tmp_path, "--json")
    counts = json.loads(output)
    assert (counts["trajectories"], counts["cells"], counts["first_rounds"]) == (400, 3200, 100)


@pytest.mark.parametrize("command", ["plan", "run", "status", "report"])
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(command: str, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "study: x\ncorpus: synthetic\nclassifier: functionals\nschedule: [10]\nstrategy: entropi\n"
    )
    store = tmp_path / "store"
    code, output = invoke(command, study, "--store", store)
    assert code == 1
    assert output.startswith("error: ")
    assert "line 5" in output
    assert "Did you mean 'entropy'" in output
    assert "Traceback" not in output
    assert not store.exists()


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "study: x\ncorpus: {name: emodb, root: nowhere}\nclassifier: functionals\nschedule: [10]\n"
    )
    code, output = invoke("run", study, "--store", tmp_path / "store")
    assert code == 1
    assert str(tmp_path / "nowhere") in output


def test_a_store_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    store = tmp_path / "file"
    store.write_text("not a folder")
    code, output = invoke("plan", STUDIES[0].parent / "quickstart.yaml", "--store", store)
    assert code == 1
    assert output.startswith("error: ")
    assert "--store" in output
    assert store.read_text() == "not a folder"


def test_a_store_that_cannot_be_written_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("after_ray.store.places.folder.create_exclusive", read_only)
    code, output = invoke("run", STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path)
    assert code == 1
    assert "cannot be used (Permission denied)" in output
    assert not (tmp_path / "ledger").exists()
    assert not (tmp_path / "mlflow.db").exists()


def test_a_study_whose_labels_use_nothing_is_refused_in_one_sentence(tmp_path: Path, corpora: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        f"study: x\ncorpus: {{name: emodb, root: {corpora / 'emodb'}, labels: {{fear: anger}}}}\n"
        "classifier: functionals\nschedule: [10]\n"
    )
    code, output = invoke("plan", study, "--store", tmp_path / "store")
    assert code == 1
    assert (
        "error: Corpus 'emodb' has no utterance with a used label; found: anger (127), happy (71)," in output
    )


def test_a_report_without_results_is_refused(tmp_path: Path) -> None:
    code, output = invoke("report", STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path)
    assert code == 1
    assert "error: " in output
    assert not (tmp_path / "reports").exists()


def test_scanning_prints_counts_and_names_unusable_files(tmp_path: Path, corpora: Path) -> None:
    import shutil

    root = tmp_path / "emodb"
    shutil.copytree(corpora / "emodb", root)
    first = sorted((root / "wav").iterdir())[0]
    first.write_bytes(b"")
    code, output = invoke("corpora", "scan", "emodb", "--root", root, "--store", tmp_path / "store")
    assert code == 1
    assert "338 utterances" in output
    assert first.name in output
    code, output = invoke(
        "corpora", "scan", "emodb", "--root", corpora / "emodb", "--store", tmp_path / "store"
    )
    assert code == 0
    assert "339 utterances" in output


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["emodb"], "--root"),
        (["emodbb", "--root", "x"], "Did you mean 'emodb'"),
        (["synthetic", "--root", "x"], "no --root"),
        (["emodb", "--root", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_a_wrong_scan_is_one_sentence(arguments: list[str], part: str, tmp_path: Path) -> None:
    code, output = invoke("corpora", "scan", *arguments, "--store", tmp_path / "store")
    assert code == 1
    assert part in output


@pytest.mark.parametrize("command", ["status", "retry", "report", "mirror", "verify"])
def test_who_only_looks_makes_no_store(tmp_path: Path, command: str) -> None:
    code, output = invoke(command, STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path / "mistyped")
    assert code == 1
    assert f"There is no store at {tmp_path / 'mistyped'}" in " ".join(output.split())
    assert not (tmp_path / "mistyped").exists()


def test_a_cache_that_cannot_be_used_is_refused_before_anything_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    study = STUDIES[0].parent / "quickstart.yaml"
    for folder in ("file", "file/below"):
        code, output = invoke("run", study, "--store", tmp_path / "store", "--cache-dir", tmp_path / folder)
        assert code == 1
        assert "cannot be used (there is a file of that name, or on the way to it)" in " ".join(
            output.split()
        )
    assert not list((tmp_path / "store").rglob("failures/*"))


def test_several_launches_may_look_at_one_cache_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sweeps.launching.cache import refuse_no_cache
    from sweeps.launching.ray_start import Where

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(refuse_no_cache, [Where(cache=tmp_path)] * 200))
    assert list(tmp_path.iterdir()) == []


def test_who_watches_waits_for_a_launch_that_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from after_ray.store import Store
    from sweeps.running.progress import Progress, write_progress

    (tmp_path / "ledger").mkdir()
    sleeps = iter(["", "running", "ended"])

    def slept(seconds: float) -> None:
        if stage := next(sleeps):
            ended = "nothing more to run" if stage == "ended" else None
            write_progress(Store(tmp_path), "quickstart", Progress(4, 2, running=1, ended=ended))

    monkeypatch.setattr("sweeps.commands.status.time.sleep", slept)
    code, output = invoke("status", STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path, "--watch")
    assert code == 0
    assert "no launch is running yet; waiting 60 s" in output
    assert "quickstart: 2 of 4 cells done, 1 running" in output
    assert next(sleeps, None) is None


@pytest.mark.parametrize(("ended", "told"), [("nothing more to run", True), ("stopped: Ctrl-C", False)])
def test_cells_that_a_whole_launch_did_not_have_are_explained(tmp_path: Path, ended: str, told: bool) -> None:
    """As after a label was changed, or another file was run under the same name."""
    from after_ray.store import Store
    from sweeps.running.progress import Progress, write_progress

    (tmp_path / "ledger").mkdir()
    write_progress(Store(tmp_path), "quickstart", Progress(4, 4, ended=ended))
    code, output = invoke("status", STUDIES[0].parent / "quickstart.yaml", "--store", tmp_path)
    assert code == 0
    assert "4 of 4 cells done) ended: " in output
    assert ("its study, corpus or code was another one then; 'after-ray run' computes it" in output) == told
