"""A labelling in its store: begun once, found by its name, told when it is not there or cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from after_ray.errors import DamagedStore
from after_ray.labelling import Labelling, labelling_place
from after_ray.labelling.project import NoLabelling
from after_ray.store.places import Folder

OURS = Labelling(name="abc1", study="calls", classes=("anger", "sad"), per_clip=2)


def test_a_labelling_is_begun_once_and_read_back(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    assert OURS.write(store)
    other = OURS.model_copy(update={"per_clip": 3})
    assert not other.write(store), "a second one took its place"
    assert Labelling.read(store, "abc1") == OURS


def test_one_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoLabelling, match=r"holds no labelling 'abc1'; begin one with .*annotate start"):
        Labelling.read(Folder(tmp_path), "abc1")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": "abc1"}', b"\xff"])
def test_one_that_cannot_be_read_is_told_with_its_path(content: bytes, tmp_path: Path) -> None:
    store = Folder(tmp_path)
    OURS.write(store)
    (labelling_place(store, "abc1").local / "labelling.json").write_bytes(content)
    with pytest.raises(DamagedStore, match=r"labelling/abc1/labelling\.json.*it cannot be read"):
        Labelling.read(store, "abc1")


@pytest.mark.parametrize(
    "wrong", [{"name": "../abc"}, {"name": ""}, {"classes": ("anger",)}, {"per_clip": 0}], ids=str
)
def test_what_no_labelling_can_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Labelling.model_validate(OURS.model_dump() | wrong)
