"""Hub names, with a cache as the hub's own client keeps it and without a network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from after_ray.backbones.identity import _snapshot, identity, model_type, provenance, resolve
from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import MissingBackbone

Tiny = Callable[..., BackboneSettings]
FIRST, SECOND = "1" * 40, "2" * 40
NAME = "some/model"


@pytest.fixture
def hub(tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with two commits of one HuBERT; the branch `main` is at the first."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--some--model"
    for commit, seed in ((FIRST, 1), (SECOND, 2)):
        model = build(tiny(model_type="hubert").model_copy(update={"seed": seed}))
        model.save_pretrained(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(FIRST)
    _snapshot.cache_clear()
    yield repository
    _snapshot.cache_clear()


def test_a_hub_name_is_pinned_to_the_commit_that_was_found(hub: Path) -> None:
    resolved = resolve(BackboneSettings(name=NAME))
    assert resolved.revision == FIRST
    assert resolve(BackboneSettings(name=NAME, revision=SECOND)).revision == SECOND
    assert resolve(resolved) == resolved


def test_a_branch_that_moves_on_takes_no_node_along(hub: Path) -> None:
    resolved = resolve(BackboneSettings(name=NAME))
    (hub / "refs" / "main").write_text(SECOND)
    _snapshot.cache_clear()  # as in the process of another node
    assert identity(resolved) == resolved.identity
    assert identity(BackboneSettings(name=NAME)) != resolved.identity
    expected = arrays(build(BackboneSettings(name=str(hub / "snapshots" / FIRST))))
    assert all(np.array_equal(value, expected[name]) for name, value in arrays(build(resolved)).items())


def test_the_commit_is_no_part_of_what_a_backbone_means(hub: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hub / "snapshots" / FIRST, tmp_path / "copy"))
    by_name, by_folder = resolve(BackboneSettings(name=NAME)), resolve(BackboneSettings(name=str(folder)))
    assert by_name.meaning() == by_folder.meaning()
    assert by_folder.revision is None


def test_what_was_used_can_be_recorded(hub: Path) -> None:
    settings = BackboneSettings(name=NAME)
    assert model_type(settings) == "hubert"
    recorded = {"name": NAME, "revision": FIRST, "identity": identity(settings), "model_type": "hubert"}
    assert provenance(settings) == provenance(resolve(settings)) == recorded


def test_what_was_never_downloaded_is_refused_without_a_network(hub: Path) -> None:
    for settings in (BackboneSettings(name="other/model"), BackboneSettings(name=NAME, revision="3" * 40)):
        with pytest.raises(MissingBackbone, match=r"HF_HUB_OFFLINE allows only what is in its cache.*HuBERT"):
            resolve(settings)


def test_a_download_that_was_cut_is_refused(hub: Path) -> None:
    (hub / "snapshots" / FIRST / "model.safetensors").unlink()
    with pytest.raises(MissingBackbone, match=r"no \*\.safetensors"):
        resolve(BackboneSettings(name=NAME))


def test_a_revision_without_safetensors_says_where_some_may_be(hub: Path) -> None:
    (hub / "snapshots" / FIRST / "model.safetensors").unlink()
    with pytest.raises(MissingBackbone, match=r"no \*\.safetensors: .*cut short .*'refs/pr/1'"):
        resolve(BackboneSettings(name=NAME))
