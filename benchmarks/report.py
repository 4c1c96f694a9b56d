"""Time and memory of `after-ray report` on a large study: from the store, MLflow on SQLite, a server; JSON.

    python benchmarks/report.py [--seeds 10] [--set key=value ...] [--only store,sqlite,server] [--folder DIR]

Made-up results of two classifiers, four strategies, two initializations and two restarts: 24 rows of a table,
ten ratios, five folds; 1,200 cells per seed. `--folder` keeps them, and what is mirrored, for the next time.

Each report is a command of its own in a fresh process, whose `seconds` and `peak_mb` are measured. Of its
phases `study` reads the study and expands it, `records` (store), `search` and `cells` (MLflow) read what
there is, `frame` makes the table of cells, `report` all that is written; the rest is starting and importing.
The server is on loopback, with two workers, a database and a folder of its own. Targets, 10,000 cells: 30 s
and 1,000 MB from SQLite, 90 s from a server.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import functools
import json
import os
import pstats
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sweeps.commands.mirror import mirror_study
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.tracking._connection import ENVIRONMENT
from sweeps.tracking.made_up import write_made_up

STUDY = """\
study: large
corpus: {name: synthetic, speakers: 10, sentences: 10}
classifier: [functionals, light_sernet]
strategy: [random, entropy, least_confidence, margin]
initialization: [random, clustering]
restart: [pretrained, previous]
schedule: [5, 10, 15, 20, 30, 40, 50, 60, 80, 100]
fold: all
"""
PHASES = {  # phase -> functions that it is spent in, by the module in which they are looked up
    "study": ["sweeps.commands.report.opened_study"],
    "records": ["analysis.results._read_chain"],
    "search": ["sweeps.tracking._reading.find_runs"],
    "cells": ["sweeps.tracking._reading.read_rounds"],
    "frame": ["analysis.results.joined", "sweeps.tracking._reading.joined"],
    "report": ["sweeps.reporting.report.write_study_report"],
}
SOURCES = ("store", "sqlite", "server")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], help="as of after-ray: fold=0")
    parser.add_argument("--only", default=",".join(SOURCES), help="some of store,sqlite,server")
    parser.add_argument("--folder", type=Path, help="kept, and used again; a temporary one by default")
    parser.add_argument("--profile", action="store_true", help="print what takes the time to stderr")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(report(json.loads(options.child), options.profile)))
        return
    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stdout(sys.stderr):
        figures = measure(options.folder or Path(temporary), options)
    print(json.dumps(figures))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    wanted = options.only.split(",")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "large.yaml"
    path.write_text(f"{STUDY}seed: 0..{options.seeds - 1}\n")
    opened = open_study(path, folder / "store", options.set)
    write_made_up(opened)
    figures: dict[str, object] = {
        "cells": len(opened.plan.cells),
        "trajectories": len(opened.plan.trajectories),
    }
    if "store" in wanted:
        figures["store"] = command(opened, options.profile, "--source", "store")
    if "sqlite" in wanted:
        mirrored = seconds_to_mirror(opened, None)
        figures["sqlite"] = mirrored | command(opened, options.profile, "--source", "mlflow")
    if "server" in wanted:
        with server(folder / "server") as uri:
            mirrored = seconds_to_mirror(opened, uri)
            arguments = ("--source", "mlflow", "--tracking-uri", uri)
            figures["server"] = mirrored | command(opened, options.profile, *arguments)
    return figures


def seconds_to_mirror(opened: OpenStudy, uri: str | None) -> dict[str, object]:
    begin = time.perf_counter()
    mirror_study(opened, uri, rebuild=False)
    return {"mirror_seconds": round(time.perf_counter() - begin, 1)}


def command(opened: OpenStudy, profile: bool, *arguments: str) -> dict[str, object]:
    """The report as a process of its own: its seconds, its largest memory, and its phases."""
    words = ["report", str(opened.path), "--store", str(opened.store.root), *arguments]
    for override in opened.overrides:
        words += ["--set", override]
    child = [sys.executable, __file__, *(["--profile"] if profile else []), "--child", json.dumps(words)]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    begin = time.perf_counter()
    process = subprocess.Popen(child, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the report ended with exit code {process.returncode}")
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        **json.loads(said),
    }


def report(words: list[str], profile: bool) -> dict[str, object]:
    """The command in this process: its largest memory and its phases; what it prints goes to stderr."""
    from sweeps.cli import app

    seconds: dict[str, float] = {}
    for phase, names in PHASES.items():
        for name in names:
            module, _, function = name.rpartition(".")
            place = import_module(module)
            setattr(place, function, timed(getattr(place, function), phase, seconds))
    with (
        contextlib.redirect_stdout(sys.stderr),
        cProfile.Profile() if profile else contextlib.nullcontext() as found,
    ):
        app(words, standalone_mode=False)
    if found is not None:
        pstats.Stats(found, stream=sys.stderr).sort_stats("cumulative").print_stats(60)
    return {"peak_mb": peak_mb(), "phases": {phase: round(value, 2) for phase, value in seconds.items()}}


def peak_mb() -> int:
    """Of this process since it was started; what `wait4` says begins with the memory of its parent."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return round(int(line.split()[1]) * 1024 / 1e6)


def timed(function: Callable[..., Any], phase: str, seconds: dict[str, float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            seconds[phase] = seconds.get(phase, 0.0) + time.perf_counter() - begin

    return run


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A tracking server on loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = f"-m mlflow server --host 127.0.0.1 --port {port} --workers 2 --backend-store-uri".split()
    words += [f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/files"]
    environment = os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # its workers end with it
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", seconds=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(address: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
