"""A launch on a cluster: what travels, when it is a new job, and how it is followed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from after_ray.errors import AfterRayError
from after_ray.own_code import code_files
from sweeps.cli import app
from sweeps.submitting import files as module
from sweeps.submitting import following
from sweeps.submitting.errors import NoJobs, NotTaken, NotThere, TooLarge
from sweeps.submitting.files import gather
from sweeps.submitting.following import LOOK_SECONDS, PAUSES, UNTOLD, LostJob, connect, follow
from sweeps.submitting.job import Job, Launch, submit

STUDY = """\
study: far
corpus: {name: csv, file: lists/table.csv, root: "${SPEECH}/mine"}
classifier: functionals
schedule: [20]
"""
HEAD = "http://127.0.0.1:8265"


@dataclass
class Cluster:
    """A cluster's jobs, as Ray's client tells them."""

    states: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = 0
    log: tuple[str, ...] = ("cells: 2 of 2\n",)
    broken: BaseException | None = None
    cuts: list[int] = field(default_factory=list)  # after so many characters the log ends before its job
    followed: int = 0
    looks: int = -1  # at a job's state, until it has failed
    gone: bool = False

    def list_jobs(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(submission_id=name, status=f"JobStatus.{s}") for name, s in self.states.items()
        ]

    def submit_job(self, **asked: Any) -> str:
        folder = Path(asked["runtime_env"]["working_dir"])
        there = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}
        self.asked.append(asked | {"files": there})
        self.states[asked["submission_id"]] = "RUNNING"
        return str(asked["submission_id"])

    async def tail_job_logs(self, name: str) -> AsyncIterator[str]:
        self.followed += 1
        if self.cuts:
            told = "".join(self.log)[: self.cuts.pop(0)]
            for start in range(0, len(told), self.followed + 1):  # cut otherwise each time
                yield told[start : start + self.followed + 1]
            return
        if self.broken is not None:
            raise self.broken
        for line in self.log:
            yield line
        self.states[name] = "SUCCEEDED" if self.code == 0 else "FAILED"

    def get_job_status(self, name: str) -> str:
        if self.gone:
            raise ConnectionError("Connection refused")
        self.looks -= 1
        if self.looks == 0:
            self.states[name] = "FAILED"
        return self.states[name]

    def get_job_info(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(status=self.states[name], driver_exit_code=self.code, message="it was killed")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/table.csv").write_text("path,label\n")
    path = tmp_path / "far.yaml"
    path.write_text(STUDY)
    return path


def test_a_study_travels_with_the_files_that_it_names_beside_itself(study: Path) -> None:
    cluster = Cluster()
    job = submit(cluster, Launch("run", (study,), "s3://lab/store", ("--only", "seed=0", "--set", "a b=1")))
    (asked,) = cluster.asked
    assert job.started
    assert job.name.startswith("after-ray-run-far-")
    assert asked["files"] == {"0/far.yaml": STUDY, "0/lists/table.csv": "path,label\n"}
    told = "after-ray run 0/far.yaml --address auto --only seed=0 --set 'a b=1' --store s3://lab/store"
    assert asked["entrypoint"] == told


def test_the_same_launch_is_followed_while_it_runs_and_started_anew_after_it(study: Path) -> None:
    cluster, launch = Cluster(), Launch("run", (study,), None)
    first = submit(cluster, launch)
    assert submit(cluster, launch) == Job(first.name, started=False)
    cluster.states[first.name] = "FAILED"
    again = submit(cluster, launch)
    assert again == Job(f"{first.name}-2", started=True)
    assert submit(cluster, launch) == Job(again.name, started=False)


def test_a_launch_that_waits_for_its_turn_on_the_head_is_not_started_again(study: Path) -> None:
    cluster, launch = Cluster(), Launch("run", (study,), None)
    first = submit(cluster, launch)
    cluster.states[first.name] = "PENDING"
    assert submit(cluster, launch) == Job(first.name, started=False)
    assert len(cluster.asked) == 1


@pytest.mark.parametrize("change", ["study", "table", "options"])
def test_another_launch_is_another_job(study: Path, change: str) -> None:
    cluster = Cluster()
    first = submit(cluster, Launch("run", (study,), None))
    if change == "study":
        study.write_text(STUDY.replace("20", "40"))
    if change == "table":
        (study.parent / "lists/table.csv").write_text("path,label\nnew,sad\n")
    options = ("--max-hours", "1") if change == "options" else ()
    other = submit(cluster, Launch("run", (study,), None, options))
    assert other.started
    assert other.name != first.name


@pytest.mark.parametrize("store", ["store", "./store", "results/store"])
def test_a_store_in_the_jobs_own_folder_is_refused(store: str) -> None:
    with pytest.raises(NotThere, match="absolute path, or s3://bucket/prefix"):
        Launch("run", (), store).command(())


def test_what_only_this_machine_has_is_refused(study: Path, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    study.write_text(STUDY.replace('"${SPEECH}/mine"', "speech"))
    with pytest.raises(NotThere, match="The folder 'speech' of a corpus is on this machine"):
        gather([study], inside)
    study.write_text(STUDY.replace("lists/table.csv", "../table.csv"))
    (tmp_path / "again").mkdir()
    with pytest.raises(NotThere, match=r"The file '\.\./table\.csv' of far\.yaml"):
        gather([study], tmp_path / "again")


def test_a_large_file_is_refused(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3)
    (tmp_path / "inside").mkdir()
    with pytest.raises(TooLarge, match="put it on storage that the head sees"):
        gather([study], tmp_path / "inside")


def test_files_that_are_large_together_are_refused(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", len(STUDY) + 3)
    (tmp_path / "inside").mkdir()
    with pytest.raises(TooLarge, match=r"With .*table\.csv"):
        gather([study], tmp_path / "inside")


@pytest.mark.parametrize("backbone", ["./mine", "[facebook/wav2vec2-base, {name: mine}]"])
def test_a_backbone_beside_the_study_is_refused(study: Path, tmp_path: Path, backbone: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "inside").mkdir()
    study.write_text(f"{STUDY}backbone: {backbone}\n")
    with pytest.raises(NotThere, match="of a backbone is on this machine"):
        gather([study], tmp_path / "inside")


def test_of_two_launches_in_one_moment_one_starts_and_both_follow(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster()

    def too_late(**asked: Any) -> str:
        cluster.states[asked["submission_id"]] = "PENDING"
        raise RuntimeError("already exists")

    monkeypatch.setattr(cluster, "submit_job", too_late)
    assert not submit(cluster, Launch("run", (study,), None)).started


def test_a_job_that_is_not_taken_is_one_sentence(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**asked: Any) -> str:
        raise RuntimeError("Request failed with status code 500:\nno space left on device")

    cluster = Cluster()
    monkeypatch.setattr(cluster, "submit_job", full)
    with pytest.raises(NotTaken, match=r"did not take the job \(no space left on device\); look at"):
        submit(cluster, Launch("run", (study,), None))


@pytest.mark.parametrize("code", [0, 1, 3])
def test_following_ends_as_the_job_does(code: int) -> None:
    cluster, said = Cluster({"job": "RUNNING"}, code=code), list[str]()
    assert follow(cluster, Job("job", started=True), HEAD, said.append) == code
    assert "cells: 2 of 2\n" in said


def printed(said: list[str]) -> str:
    """What the job printed, as far as it was shown."""
    return "".join(said).partition("\n")[2]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_a_log_that_ends_before_its_job_goes_on_where_it_was(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAUSES", (1.0, 2.0, 5.0, 10.0))
    cluster = Cluster({"job": state}, log=("cells: 1 of 2\n", "cells: 2 of 2\n", "done\n"))
    cluster.cuts = [0, 17, 17, 5, 30]
    said, slept = list[str](), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 9, "it is not followed again"

    assert follow(cluster, Job("job", started=True), HEAD, said.append, sleep) == 0
    assert printed(said) == "cells: 1 of 2\ncells: 2 of 2\ndone\n"
    assert slept == [1.0, 1.0, 2.0, 5.0, 1.0], "shorter once there is news"


def test_what_a_job_printed_while_nobody_listened_is_shown_when_it_has_ended() -> None:
    cluster, said = Cluster({"job": "RUNNING"}, cuts=[4]), list[str]()

    def ends(seconds: float) -> None:
        cluster.states["job"] = "SUCCEEDED"

    assert follow(cluster, Job("job", started=True), HEAD, said.append, ends) == 0
    assert printed(said) == "cells: 2 of 2\n"


def test_what_a_job_printed_before_it_was_seen_to_have_ended_is_shown() -> None:
    cluster, said = Cluster({"job": "RUNNING"}, cuts=[4], looks=1, code=3), list[str]()
    assert follow(cluster, Job("job", started=True), HEAD, said.append) == 3
    assert printed(said) == "cells: 2 of 2\n"


def test_a_job_whose_log_breaks_is_waited_for() -> None:
    cluster = Cluster({"job": "RUNNING"}, broken=RuntimeError("code 1006"), looks=3, code=3)
    said, slept = list[str](), list[float]()
    assert follow(cluster, Job("job", started=True), HEAD, said.append, slept.append) == 3
    assert slept == list(PAUSES[:2])


def test_a_log_that_stays_silent_is_given_up_in_a_sentence_and_the_job_is_waited_for() -> None:
    silent = len(PAUSES) + 1
    cluster, said, slept = Cluster({"job": "RUNNING"}, cuts=[0] * silent, code=3), list[str](), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < len(PAUSES) + 9, "it is not waited for"
        if len(slept) == len(PAUSES) + 2:
            assert cluster.followed == silent
            cluster.states["job"] = "FAILED"

    assert follow(cluster, Job("job", started=True), HEAD, said.append, sleep) == 3
    assert slept == [*PAUSES, LOOK_SECONDS, LOOK_SECONDS]
    assert printed(said).splitlines()[-2:] == [UNTOLD.strip(), "cells: 2 of 2"]


def test_a_job_that_was_killed_or_has_no_command_says_so() -> None:
    said = list[str]()
    assert follow(Cluster({"job": "RUNNING"}, code=None), Job("job", started=True), HEAD, said.append) == 1
    assert "it was killed" in said[-1]
    assert follow(Cluster({"job": "RUNNING"}, code=127), Job("job", started=True), HEAD, said.append) == 127
    assert "install the project there" in said[-1]


def test_ctrl_c_leaves_the_job_and_says_how_to_come_back() -> None:
    cluster, said = Cluster({"job": "RUNNING"}, broken=KeyboardInterrupt()), list[str]()
    with pytest.raises(KeyboardInterrupt):
        follow(cluster, Job("job", started=False), HEAD, said.append)
    assert cluster.states == {"job": "RUNNING"}
    assert f"ray job stop job --address {HEAD}" in said[-1]


def test_a_cluster_that_goes_away_is_one_sentence() -> None:
    cluster = Cluster({"job": "RUNNING"}, broken=RuntimeError("WebSocket connection closed"), gone=True)
    with pytest.raises(LostJob, match=r"'ray up' the cluster first: what is recorded stays\."):
        follow(cluster, Job("job", started=True), HEAD, list[str]().append)


def test_an_address_where_nobody_takes_jobs() -> None:
    with pytest.raises(NoJobs, match=r"nobody listens there.*ray dashboard"):
        connect("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--store", "here"], "The store 'here' is on this machine"),
        (["--cpus", "2"], "--cpus is of a local Ray"),
        (["--tracking-uri", "postgresql://bob:secret@host/db"], "The --tracking-uri holds a password"),
        ([], "No cluster takes jobs at http://127.0.0.1:9"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "retry"])
def test_the_command_says_what_it_cannot_hand_over(
    study: Path, verb: str, options: list[str], words: str
) -> None:
    result = CliRunner().invoke(app, [verb, str(study), "--address", "http://127.0.0.1:9", *options])
    assert result.exit_code == 1
    assert words in result.output.replace("\n", " ")


LAPTOP = {
    "AFTER_RAY_STORE": "s3://laptop/store",
    "MLFLOW_TRACKING_URI": "http://laptop:5000",
    "AFTER_RAY_CACHE": "/laptop/cache",
}
WRITTEN = ["--store", "s3://lab/store", "--tracking-uri", "http://lab:5000", "--cache-dir", "/lab/cache"]


def entrypoint(monkeypatch: pytest.MonkeyPatch, verb: str, study: Path, *options: str) -> list[str]:
    """What the head is told to run by a laptop that has variables of its own."""
    cluster = Cluster()
    for name, value in LAPTOP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sweeps.submitting.following.connect", lambda address: cluster)
    result = CliRunner().invoke(app, [verb, str(study), "--address", HEAD, *options])
    assert result.exit_code == 0, result.output
    (asked,) = cluster.asked
    words: list[str] = asked["entrypoint"].split()
    return words


@pytest.mark.parametrize("verb", ["run", "retry"])
def test_variables_of_the_laptop_stay_there(study: Path, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ["after-ray", verb, "0/far.yaml", "--address", "auto"]
    assert entrypoint(monkeypatch, verb, study) == told


@pytest.mark.parametrize("verb", ["run", "retry"])
def test_a_switch_travels_as_one_word(study: Path, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert entrypoint(monkeypatch, verb, study, "--no-report")[5:] == ["--no-report"]


@pytest.mark.parametrize("verb", ["run", "retry"])
def test_what_is_written_on_the_laptops_command_line_travels(
    study: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = entrypoint(monkeypatch, verb, study, *WRITTEN)[5:]
    assert dict(zip(told[::2], told[1::2], strict=True)) == dict(
        zip(WRITTEN[::2], WRITTEN[1::2], strict=True)
    )


def test_a_written_store_travels_also_where_the_laptops_variable_names_the_same(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LAPTOP["AFTER_RAY_STORE"]
    assert entrypoint(monkeypatch, "run", study, "--store", store)[-2:] == ["--store", store]


def test_the_variable_of_the_machine_that_runs_names_its_store(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which a job on the head relies on."""
    study.write_text("study: near\ncorpus: synthetic\nclassifier: functionals\nschedule: [20]\n")
    monkeypatch.setenv("AFTER_RAY_STORE", str(tmp_path / "of the head"))
    result = CliRunner().invoke(app, ["retry", str(study), "--address", "auto"])
    assert f"There is no store at {tmp_path / 'of the head'}" in " ".join(result.output.split())


def test_a_relative_store_is_refused_in_a_job(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.store import Store
    from sweeps.commands._submitting import StoreOfAJob, refuse_store_of_a_job

    refuse_store_of_a_job(Store("store"))
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    refuse_store_of_a_job(Store(tmp_path))
    refuse_store_of_a_job(Store("s3://lab/store"))
    with pytest.raises(StoreOfAJob, match="The store 'store' would be a folder of this job alone"):
        refuse_store_of_a_job(Store("store"))
    assert issubclass(StoreOfAJob, AfterRayError)


def test_what_travels_is_what_is_in_keys(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, told = tmp_path / "home", tmp_path / "told"
    (home / "lab").mkdir(parents=True)
    told.mkdir()
    code = {
        "lab/__init__.py": "",
        "lab/sizes.py": "from after_ray.classifiers import Trained\nclass Its(Trained): ...\n",
        "lab/base.py": "from after_ray.classifiers import Classifier\nclass Base(Classifier): ...\n",
        "wide_one.py": "from lab.base import Base\nfrom lab.sizes import Its\nimport beside_it\n\n\n"
        "class Wide(Base):\n    settings_model = Its\n",
        "beside_it.py": "",
        "its_scores.py": "from after_ray.acquisition.random import Random\nclass Scores(Random): ...\n",
        "its_gini.py": "from its_scores import Scores\nclass Gini(Scores): ...\n",
    }
    for name, text in code.items():
        (home / name).write_text(text)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py").replace("/", "."), raising=False)
    monkeypatch.delitem(sys.modules, "lab", raising=False)
    monkeypatch.syspath_prepend(home)
    monkeypatch.chdir(home)
    study.write_text(STUDY.replace("functionals", "wide_one:Wide") + "strategy: 'power(its_gini:Gini)'\n")
    gather([study], told)
    there = {path.relative_to(told).as_posix() for path in told.rglob("*.py")}
    assert there == set(code) - {"beside_it.py"}
    keyed = {*code_files("wide_one:Wide").values(), *code_files("its_gini:Gini").values()}
    assert {file.relative_to(home).as_posix() for file in keyed} == there - {"lab/__init__.py"}


def test_code_of_ones_own_travels_from_the_folder_of_the_launch(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "lab").mkdir(parents=True)
    for name in ("mine.py", "lab/__init__.py", "lab/nets.py", "unnamed.py"):
        (home / name).write_text(f"# {name}\n")
    monkeypatch.chdir(home)
    study.write_text(
        STUDY.replace("functionals", '{name: "lab.nets:Wide"}') + "strategy: 'power(mine:Gini)'\n"
    )
    (told := tmp_path / "told").mkdir()
    gather([study], told)
    there = {path.relative_to(told).as_posix() for path in told.rglob("*.py")}
    assert there == {"mine.py", "lab/__init__.py", "lab/nets.py"}
    (again := tmp_path / "again").mkdir()
    gather([study], again, ["--set", "strategy=unnamed:Own"])
    assert (again / "unnamed.py").is_file(), "also what an option names"
    study.write_text(STUDY + "strategy: 'installed:Own'\n")
    (bare := tmp_path / "bare").mkdir()
    gather([study], bare)
    assert not list(bare.rglob("*.py")), "what is not here is on the head"
