"""Commands of the pages that no machine of a test runs, why not, and what is looked at instead.

The only such table: a command that is neither run nor here fails, and so does an entry that no page has.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import typer

from sweeps.cli import app
from sweeps.study.loading import load_study
from tests.docs.pages import REPOSITORY, Command

Check = Callable[[Command], None]


def parsed(command: Command) -> None:
    """The command line reads it: the command is there, and all its options and arguments are."""
    for arguments in after_ray_parts(command.text):
        context, found, rest = resolved(arguments)
        found.make_context(context.info_name, rest, parent=context)


def studies_parse(command: Command) -> None:
    """`parsed`, and the studies that it names are there and valid."""
    parsed(command)
    named = [word for word in shlex.split(command.text) if word.endswith(".yaml")]
    studies = [path for name in named for path in REPOSITORY.glob(name)]
    assert len(studies) >= len(named) > 0, f"{command.place}: names no study that there is"
    for path in studies:
        load_study(path)


def target_of_make(command: Command) -> None:
    """The Makefile has the target."""
    targets = [word for word in command.text.split()[1:] if "=" not in word]
    for target in targets:
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE), command.place


def command_of_ray(command: Command) -> None:
    """Ray has a command of this name."""
    from ray.scripts.scripts import cli

    assert shlex.split(command.text)[1] in cli.commands, command.place


def files_are_there(command: Command) -> None:
    """What it names below a checkout is there."""
    paths = re.findall(r"(?:deploy/mlflow|\.env\.example|serve\.sh)", command.text)
    for path in paths:
        place = path if "/" in path else f"deploy/mlflow/{path}"
        assert (REPOSITORY / place).exists(), command.place
    assert paths, f"{command.place}: names nothing of a checkout"


def words_are_known(command: Command) -> None:
    """The variables that it sets are read somewhere: here, or by MLflow, Ray or the corpora of a study."""
    for name in re.findall(r"\b([A-Z][A-Z_]+)=", command.text):
        sources = (
            path for room in ("sweeps", "after_ray", "deploy") for path in (REPOSITORY / room).rglob("*.*")
        )
        assert any(name in path.read_text(errors="ignore") for path in sources if path.is_file()), (
            command.place
        )


def nothing(command: Command) -> None:
    """Nothing more than that it is here."""


@dataclass(frozen=True)
class Elsewhere:
    """Commands that match `pattern` (from their beginning) on pages that match `page`."""

    pattern: str
    why: str
    check: Check
    page: str = ""

    def has(self, command: Command) -> bool:
        """Whether the command is one of these."""
        return (
            re.match(self.pattern, command.text) is not None and re.match(self.page, command.page) is not None
        )


RESULTS = r"docs/results/"
ELSEWHERE = (
    Elsewhere(
        r"make (setup|quickstart|test|chaos|peers|check)\b",
        "installs; the quickstart is a CI step",
        target_of_make,
    ),
    Elsewhere(r"source \.venv/bin/activate$", "the test's Python is its own", nothing),
    Elsewhere(
        r"after-ray (run|report|plan|corpora|export|search) .*",
        "real recordings, hours",
        studies_parse,
        RESULTS,
    ),
    Elsewhere(
        r"after-ray (run|report|plan) sweeps/paper/",
        "weights of the hub, GPUs: planned by tests/sweeps/test_studies.py",
        studies_parse,
    ),
    Elsewhere(
        r"export AFTER_RAY_CORPORA=", "the reader's own folder", words_are_known, f"{RESULTS}|docs/paper"
    ),
    Elsewhere(r"after-ray annotate\b", "starts Ray, and waits for people: tests/sweeps/labelling", parsed),
    Elsewhere(
        r"after-ray export model --out model", "of what people have labelled: tests/sweeps/commands", parsed
    ),
    Elsewhere(r"after-ray serve\b", "serves until it is stopped: tests/sweeps/serving", parsed),
    Elsewhere(r"MLFLOW_TRACKING_URI=\S+ mlflow models serve\b", "likewise", nothing),
    Elsewhere(r"curl -s http://127\.0\.0\.1:5001/invocations", "needs that server", nothing),
    Elsewhere(r"after-ray ui\b", "serves until it is stopped: tests/sweeps/test_ui.py", parsed),
    Elsewhere(
        r"after-ray run .* --tracking-uri http://",
        "needs a server: tests/deploy, tests/sweeps/tracking",
        parsed,
    ),
    Elsewhere(
        r"after-ray run .* --address http://",
        "needs a cluster: tests/sweeps/submitting, tests/cluster",
        parsed,
    ),
    Elsewhere(
        r"after-ray (status|report) .*s3://", "needs a bucket: tests/faults/test_in_a_bucket.py", parsed
    ),
    Elsewhere(
        r"ray (rsync-up|attach|dashboard|up|down|exec)\b", "needs a cluster: tests/cluster", command_of_ray
    ),
    Elsewhere(r"sudo apt-get\b", "installs system packages", nothing),
    Elsewhere(
        r"(cd .*deploy/mlflow|cp \.env|\./serve\.sh)", "a server: tests/deploy/mlflow", files_are_there
    ),
    Elsewhere(r"mkdir -p ~/\.mlflow && vi\b", "an editor", nothing),
    Elsewhere(r"curl -u admin\b", "needs a server with sign-in: tests/deploy/mlflow", nothing),
    Elsewhere(
        r"export MLFLOW_TRACKING_URI=", "needs a server with sign-in: tests/deploy/mlflow", words_are_known
    ),
)


def entry_of(command: Command) -> Elsewhere | None:
    """The entry of a command that is not run."""
    return next((entry for entry in ELSEWHERE if entry.has(command)), None)


def after_ray_parts(text: str) -> Iterator[list[str]]:
    """The arguments of each `after-ray` in a command line."""
    for part in re.split(r"&&|\||;", text):
        words = shlex.split(part.partition(">")[0])
        if words[:1] == ["after-ray"]:
            yield words[1:]


def resolved(arguments: list[str]) -> tuple[click.Context, click.Command, list[str]]:
    """The context of the innermost command, that command, and the arguments that are its own."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("after-ray", list(arguments), resilient_parsing=True)
    rest = list(arguments)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        assert name in command.commands, f"after-ray has no command '{' '.join(arguments)}'"
        command = command.commands[name]
        context = type(context)(command, info_name=name, parent=context)
    return context, command, rest


def options_of(command: Any) -> set[str]:
    """Every option of a command, `--help` with them."""
    return {"--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}
