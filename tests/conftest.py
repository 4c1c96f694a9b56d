"""Shared fixtures; what a test needs from the machine; time per group of tests against its budget."""

from __future__ import annotations

import functools
import gc
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

REPOSITORY = Path(__file__).parents[1]
STRICT = os.environ.get("AFTER_RAY_STRICT") == "1"

# Seconds on two cores. A test counts in the first group whose marker it carries; 'fast' carries none.
BUDGETS = {
    "gpu": 300,
    "cluster": 480,
    "chaos": 600,
    "browser": 90,
    "services": 120,
    "ray": 600,
    "slow": 600,
    "fast": 360,
}
GROUP = "group"  # a property, which travels between processes; keywords also hold names of folders
# Tests never leave the machine: no hub, no usage reports, no token that Ray writes on first use.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}

_seconds: defaultdict[str, float] = defaultdict(float)
_tests: Counter[str] = Counter()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder with real speech, or a skip that names it."""
    folder = Path(os.environ.get("AFTER_RAY_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not (folder / "emodb").is_dir():
        pytest.skip(f"missing here: {folder}/emodb; set AFTER_RAY_CORPORA to a folder of real speech")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _frozen_stays_frozen() -> Iterator[None]:
    """What a report freezes while it is written stays frozen here; its own garbage goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "unfreeze", gc.collect)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What a test writes need not outlive the machine; processes that tests start do wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _packages_are_listed_once() -> Iterator[None]:
    """Every launch lists the hundreds of packages that are installed; no test installs one."""
    from after_ray import code_state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_state, "_packages", functools.cache(code_state._packages))
        yield


@pytest.fixture(scope="module", autouse=True)
def _what_lives_is_no_garbage(_frozen_stays_frozen: None) -> None:
    """statsmodels collects garbage at every correction: seconds each in the heap of a whole run."""
    # It asks who refers to trio's generator, which is loaded by now, and what is frozen refers to nothing.
    import_module("hypothesis")
    gc.collect()
    gc.freeze()


def _lacks_gpu() -> str:
    import torch

    return "" if torch.cuda.is_available() else "a CUDA device"


def _lacks_browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    lacking = [] if any(map(shutil.which, names)) else [f"one of {', '.join(names)} on PATH"]
    return ", ".join(lacking if shutil.which("chromedriver") else [*lacking, "chromedriver on PATH"])


def _lacks_hosts() -> str:
    tools = [tool for tool in ("ip", "unshare", "sshd", "rsync") if shutil.which(tool) is None]
    root = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["root rights"]
    return ", ".join([*root, *tools])


NEEDS: dict[str, Callable[[], str]] = {
    "gpu": _lacks_gpu,
    "browser": _lacks_browser,
    "cluster": _lacks_hosts,
}


def pytest_configure() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker asks for what this machine lacks."""
    for marker, lacks in NEEDS.items():
        if item.get_closest_marker(marker) is not None and (what := lacks()):
            pytest.skip(f"missing here: {what}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The benchmarks, one module of minutes, go first: last, one worker would run them while others idle."""
    items.sort(key=lambda item: item.path.name != "test_benchmarks.py")  # stable: all else as it stands


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under AFTER_RAY_STRICT=1 a skip is a failure, unless only a GPU is missing."""
    markers = {marker.name for marker in item.iter_markers()}
    report = yield
    report.user_properties.append((GROUP, next((group for group in BUDGETS if group in markers), "fast")))
    excused = hasattr(report, "wasxfail") or item.get_closest_marker("gpu") is not None
    return report if excused else _strict(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    return _strict(report)


def _strict(report: Report) -> Report:
    if STRICT and report.outcome == "skipped":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"AFTER_RAY_STRICT=1 forbids skipping: {reason}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the time of one phase of one test to its group."""
    group = dict(report.user_properties).get(GROUP, "fast")  # none where its process died
    _seconds[group] += report.duration
    _tests[group] += report.when == "call"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per group that ran: tests, seconds, budget."""
    terminalreporter.section("seconds by group")
    for group in (group for group in BUDGETS if _seconds[group]):
        over = "  OVER BUDGET" if _seconds[group] > BUDGETS[group] else ""
        terminalreporter.line(
            f"{group:9} {_tests[group]:5} tests {_seconds[group]:7.1f} s of {BUDGETS[group]:4} s{over}"
        )
