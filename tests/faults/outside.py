"""A launch of the command line in a process of its own, watched and hit from outside, through a real Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from after_ray.store import Store
from tests.after_ray.tiny import TINY
from tests.faults.counted import AT_START, Counted
from tests.faults.matrix import Moment

# A strategy that, while the file 'hold' lies beside it, says that it picks and waits until the file is gone.
HOLDING = """\
import time
from pathlib import Path
from after_ray.acquisition import strategies

HERE = Path(__file__).parent

class Holding(strategies.resolve("entropy")):
    def _select(self, evidence, budget, generator):
        if (HERE / "hold").exists():
            (HERE / "picking").touch()
            while (HERE / "hold").exists():
                time.sleep(0.01)
        return super()._select(evidence, budget, generator)
"""
STEPS_OF_A_ROUND = 60
FITTING = f"{{max_epochs: 1, min_updates: {STEPS_OF_A_ROUND}, evaluations_per_epoch: 1, batch_size: 8}}"
STUDY = f"""\
study: outside
corpus: {{name: synthetic, speakers: 6, sentences: 2}}
classifier: {{name: pooled_transformer, fitting: {FITTING}}}
backbone: {{config: {json.dumps(TINY)}}}
adaptation: {{name: tapt, steps: 60, batch_seconds: 4, max_seconds: 1, negatives: 5}}
strategy: 'holding:Holding'
initialization: random
schedule: [20, 40, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
resources: {{checkpoint_seconds: 0.001}}
"""
STEP = 3  # the step of a training at which it is hit, or a later one
PATIENCE = 120.0


class Study:
    """A study file with its strategy, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "outside.yaml"
        self.path.write_text(STUDY)
        (folder / "holding.py").write_text(HOLDING)
        self._log = folder / "counted.log"
        (folder / "sitecustomize.py").write_text(AT_START.format(log=str(self._log)))
        self.hold, self.picking = folder / "hold", folder / "picking"

    @property
    def counted(self) -> Counted:
        """What was begun and done since `count_anew`, by the trials of all launches."""
        return Counted.read(self._log)

    def count_anew(self) -> None:
        """Forget what was counted."""
        self._log.unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        """That of its launches, and of the Ray they run on."""
        here = os.environ.get("PYTHONPATH", "")
        return {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), os.getcwd(), here])}

    def launch(self, store: Path, *options: str, verb: str = "run") -> Launch:
        """Start one launch of it."""
        command = [sys.executable, "-m", "sweeps.cli", verb, str(self.path), "--store", str(store)]
        command += [] if verb == "mirror" else ["--no-report"]  # which would take most of the time
        log = self.folder / f"{store.name}-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = psutil.Popen(
                [*command, *options], stdout=output, stderr=subprocess.STDOUT, env=self.environment()
            )
        return Launch(process, log)


class Launch:
    """A driver that runs."""

    def __init__(self, process: psutil.Popen, log: Path) -> None:
        self.process, self._log = process, log

    @property
    def output(self) -> str:
        """What it said until now, in one line."""
        return " ".join(self._log.read_text(errors="replace").split())

    def ends(self) -> int:
        """Wait for its end; its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except psutil.TimeoutExpired as error:
            raise AssertionError(f"the launch did not end: {self.output[-3000:]}") from error

    def kill(self) -> None:
        """Kill the driver and, as the system does with what it started, all of its processes."""
        started = self.process.children(recursive=True)
        self.process.kill()
        for child in started:
            with suppressed():
                child.kill()
        self.process.wait()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None


@contextmanager
def suppressed() -> Iterator[None]:
    """A process that is gone by itself is no error."""
    try:
        yield
    except psutil.NoSuchProcess:
        return


def trials(launch: Launch, address: str | None = None) -> list[psutil.Process]:
    """The processes of trials that a launch started, on a Ray of its own or on the nodes of a cluster."""
    if address is None:
        return [process for process in launch.process.children(recursive=True) if _is_trial(process)]
    return [process for process in psutil.process_iter() if _is_trial(process) and _is_of(process, address)]


def _is_trial(process: psutil.Process) -> bool:
    with suppressed():
        title = " ".join(process.cmdline()[:1])  # Ray names its processes by what they run
        return title.startswith("ray::") and "Trainable" in title
    return False


def _is_of(process: psutil.Process, address: str) -> bool:
    """Whether a raylet of the cluster at that address started it."""
    with suppressed():
        parent = process.parent()
        return parent is not None and any(address in word for word in parent.cmdline())
    return False


class Watch:
    """Tells from the store when a moment has come."""

    def __init__(self, study: Study, store: Path, adaptation: str, rounds: tuple[str, ...]) -> None:
        self._study, self._store = study, Store(store)
        self.address: str | None = None  # of the cluster that it runs on
        self.adaptation, self.rounds = adaptation, rounds

    def wait_for(self, moment: Moment, launch: Launch) -> list[psutil.Process]:
        """Return as soon as the moment has come: the trials of the launch, one or more, which are stopped.

        Raises:
            AssertionError: when the launch ended without it.
        """
        come = self._come(moment)
        end = time.monotonic() + PATIENCE
        while True:
            assert launch.running, f"it ended before: {launch.output[-3000:]}"
            assert time.monotonic() < end, f"{moment} did not come: {launch.output[-3000:]}"
            if come():
                stopped = trials(launch, self.address)
                for process in stopped:
                    process.suspend()
                if stopped and come():
                    return stopped
                for process in stopped:
                    process.resume()
            time.sleep(0.005)

    def _come(self, moment: Moment) -> Callable[[], bool]:
        if moment == "selection":
            return self._study.picking.exists
        if moment == "between rounds":
            return lambda: self._is_recorded(self.rounds[1]) and not self._is_recorded(self.rounds[2])
        key = self.adaptation if moment == "adaptation" else self.rounds[1]
        return lambda: self._step(key) >= STEP and not self._is_recorded(key)

    def _is_recorded(self, key: str) -> bool:
        return (self._store.root / "ledger" / key[:2] / f"{key}.json").exists()

    def _step(self, key: str) -> int:
        """Steps of the newest state of unfinished work."""
        values = self.state(key).get("values", {})
        return int(values.get("step", values.get("update", 0)))

    def state(self, key: str) -> dict[str, Any]:
        """What the newest state of unfinished work says."""
        try:
            return json.loads((self._store.root / "checkpoints" / key / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}


def resume(processes: list[psutil.Process]) -> None:
    """Let stopped processes go on."""
    for process in processes:
        with suppressed():
            process.resume()
