"""The index names every page, and links of all pages lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import FENCE, REPOSITORY, Page, pages

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Names of headings, as GitHub makes them."""
    titles = (found["title"] for found in HEADING.finditer(FENCE.sub("", path.read_text())))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Page) -> Iterator[str]:
    here = (REPOSITORY / page.name).parent
    for found in LINK.finditer(FENCE.sub("", page.text)):
        name, _, anchor = found["target"].partition("#")
        path = here / name if name else REPOSITORY / page.name
        if re.match(r"https?://", found["target"]):
            continue
        if not path.exists() or (anchor and anchor not in anchors(path)):
            yield found["target"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    assert list(broken(page)) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = Page("docs/README.md")
    page.__dict__["text"] = "[a](corpora.md#no-such-place) [b](nowhere.md) [c](corpora.md#your-own-corpus)"
    assert list(broken(page)) == ["corpora.md#no-such-place", "nowhere.md"]


def test_the_index_names_every_page() -> None:
    named = {found["target"] for found in LINK.finditer(Page("docs/README.md").text)}
    there = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"README.md"}
    assert there <= named, f"add to docs/README.md: {sorted(there - named)}"
