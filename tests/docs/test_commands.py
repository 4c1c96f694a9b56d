"""Every command and every Python example of every page is run, page by page in order.

Commands that no machine of a test can run are in the table of `elsewhere.py`, with the reason.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sweeps.reporting import report
from tests.docs.elsewhere import ELSEWHERE, after_ray_parts, entry_of, options_of, resolved
from tests.docs.ground import Ground, ReaderOnGround, write_recordings
from tests.docs.pages import Command, Page, pages
from tests.docs.reader import Reader

PAGES = [page for page in pages() if page.commands]
FROM_NOTHING = (
    "docs/first_study.md"  # run from nothing to its report by test_first_study.py, through a real Ray
)
LOOKS = re.compile(
    r"after-ray (report|plan|status|calibrate|corpora)\b"
)  # once is enough, whatever page has it
THROUGH_RAY = re.compile(r"after-ray search\b")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(autouse=True)
def _few_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 simulated studies are most of the time of a small report."""
    monkeypatch.setattr(report, "SIMULATIONS", 4)


@pytest.fixture(autouse=True)
def _recordings_have_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that studies of real corpora can be read, where none is at hand too."""
    monkeypatch.setenv("AFTER_RAY_CORPORA", "/nowhere")
    monkeypatch.setenv("AFTER_RAY_BACKBONES", "/nowhere")


def reader_of(page: Page, path: Path, shared: Ground, monkeypatch: pytest.MonkeyPatch) -> ReaderOnGround:
    monkeypatch.syspath_prepend(path)  # where commands in this process look for classes of the user's own
    reader = ReaderOnGround(path, shared)
    reader.save(page)
    return reader


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != FROM_NOTHING], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run(
    page: Page, shared: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_of(page, tmp_path, shared, monkeypatch)
    for command in page.commands:
        if entry := entry_of(command):
            entry.check(command)
        elif not THROUGH_RAY.match(command.text) and command.text not in shared.seen:
            reader.run(command)
            if LOOKS.match(command.text):
                shared.seen.add(command.text)


IN_PYTHON = [page for page in pages() if any(block.language == "python" for block in page.blocks)]


@pytest.mark.parametrize("page", IN_PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(
    page: Page, shared: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, in one module, with the names that pages take as given; whole files as they are called."""
    reader_of(page, tmp_path, shared, monkeypatch)
    write_recordings(tmp_path / "recordings", speakers=2, sentences=1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").symlink_to(shared.store)
    known = shared.known()
    for block in page.blocks:
        if block.language == "python" and block.file_name:
            exec(compile(block.text, block.place, "exec"), {"__name__": Path(block.file_name).stem})
        elif block.language == "python":
            exec(compile(block.text, block.place, "exec"), known)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_commands_that_always_start_ray_run(
    shared: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        shlex.join(shlex.split(one.text)): (page, one)
        for page in PAGES
        for one in page.commands
        if THROUGH_RAY.match(one.text)
    }
    assert found
    for number, (page, command) in enumerate(found.values()):
        (tmp_path / str(number)).mkdir()
        reader = reader_of(page, tmp_path / str(number), shared, monkeypatch)
        assert "best:" in reader.in_bash(command)


def test_the_table_has_no_entry_that_no_page_has() -> None:
    commands = [command for page in PAGES for command in page.commands]
    assert [entry.pattern for entry in ELSEWHERE if not any(entry_of(one) is entry for one in commands)] == []


INLINE = [(page.name, text) for page in pages() for text in page.inline if text.startswith("after-ray ")]


@pytest.mark.parametrize(("page", "text"), INLINE, ids=[f"{page}:{text}" for page, text in INLINE])
def test_a_command_in_a_sentence_is_there_with_its_options(page: str, text: str) -> None:
    for arguments in after_ray_parts(text):
        _, command, rest = resolved(arguments)
        named = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert named <= options_of(command), f"{page}: `{text}`"


def test_an_unknown_command_or_option_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no command 'stauts A"):
        resolved(["stauts", "A.yaml"])
    _, command, _ = resolved(["store", "du"])
    assert "--yes" not in options_of(command)
    assert "--yes" in options_of(resolved(["store", "gc"])[1])


def test_a_command_that_fails_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for text in ("after-ray stauts A.yaml", "after-ray plan no_such.yaml", "false", "cd nowhere && true"):
        with pytest.raises(AssertionError, match=r"page\.md:1: "):
            reader.run(Command("page.md", 1, text))


def test_a_page_keeps_its_folder_and_its_variables(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for text in ("mkdir deep && cd deep", "export GREETING='good day'", "echo $GREETING > said"):
        reader.run(Command("page.md", 1, text))
    assert (tmp_path / "deep" / "said").read_text() == "good day\n"


def test_comments_and_joined_lines() -> None:
    (block,) = [one for one in Page("docs/mlflow.md").blocks if one.text.startswith("curl")]
    (command,) = block.commands()
    assert command.text.startswith("curl -u admin -H 'Content-Type")
    assert command.text.endswith("/users/create")
