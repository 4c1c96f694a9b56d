"""What a folder of somebody else's may hold: everything that could run is refused before it is read."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from after_ray.errors import AfterRayError, UnfitModel
from after_ray.files import write_json
from after_ray.models import FACTS_FILE, Model
from after_ray.models.scripted import write_scripted
from tests.after_ray.models.folders import functionals_folder, light_sernet_folder

ran: list[str] = []


class Evil:
    """Unpickled, it would leave a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return ran.append, ("unpickled",)


def _saved() -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, buffer)
    return buffer.getvalue()


def _objects() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


HOSTILE = {
    "pytorch_model.bin": b"anything",
    "weights.pkl": pickle.dumps(Evil()),
    "old.PTH": b"anything",
    "extra.dat": pickle.dumps(Evil(), protocol=4),
    "archive.dat": _saved(),
    "arrays.npz": b"anything",
    "objects.npy": _objects(),
    "sub/deep.joblib": b"anything",
    "sitecustomize.py": b"raise SystemExit",
    "modeling_after_ray.so": b"\x7fELF",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return functionals_folder(tmp_path / "model")


def change(folder: Path, **values: Any) -> None:
    said = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    write_json(folder / FACTS_FILE, {**said, **values})


@pytest.mark.parametrize("name", HOSTILE)
def test_pickles_and_code_are_refused(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(HOSTILE[name])
    with pytest.raises(UnfitModel, match=Path(name).name):
        Model.load(folder)
    assert not ran


def test_weights_that_are_a_pickle_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UnfitModel, match=r"model\.safetensors is a pickle"):
        Model.load(folder)
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(UnfitModel, match=r"model\.safetensors cannot be read"):
        Model.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnfitModel, match=r"has no model\.safetensors"):
        Model.load(folder)
    assert not ran


def test_what_is_harmless_may_lie_beside(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "modeling_after_ray.py").write_text("raise SystemExit", encoding="utf-8")  # never run
    (folder / ".git").mkdir()
    (folder / "link.txt").symlink_to("notes.txt")
    np.save(folder / "numbers.npy", np.arange(3))
    assert Model.load(folder).facts.kind == "functionals"


@pytest.mark.parametrize("what", ["file", "folder", "weights", "facts"])
def test_links_out_of_the_folder_are_refused(what: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    if what == "file":
        (folder / "a.txt").symlink_to(tmp_path / "secret.txt")
    elif what == "folder":
        (folder / "sub").symlink_to("..", target_is_directory=True)
    else:
        name = "model.safetensors" if what == "weights" else FACTS_FILE
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(UnfitModel, match=r"link|has no"):
        Model.load(folder)


def test_a_pipe_is_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(UnfitModel, match="pipe is no file"):
        Model.load(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"format": 2}, "format 2, and this version reads 1.*newer"),
        ({"format": "1"}, "format '1'"),
        ({"kind": "pickle"}, "kind"),
        ({"classes": ["anger"]}, "classes"),
        ({"surprise": 1}, "surprise"),
        ({"scripted": {"file": "../model.ts", "sha256": "0" * 64}}, "scripted.file"),
        ({"scripted": {"file": "/etc/passwd", "sha256": "0" * 64}}, "scripted.file"),
        ({"scripted": {"file": "gone.ts", "sha256": "0" * 64}}, "gone.ts is not the file"),
        ({"classifier": {"name": "modeling_after_ray:Evil"}}, "code of the folder"),
        ({"classifier": {"name": "os:system"}}, "os:system"),
        ({"backbone": {"name": "facebook/wav2vec2-base"}}, "not by the name facebook/wav2vec2-base"),
        (
            {"features": {"kind": "front_end", "backbone": {"name": "/somewhere"}}},
            "backbone of the features is not that",
        ),
        ({"classifier": {"name": "light_sernet"}}, "not those of its classifier 'light_sernet'"),
    ],
)
def test_facts_that_cannot_be_are_refused(values: dict[str, Any], told: str, folder: Path) -> None:
    change(folder, **values)
    with pytest.raises(UnfitModel, match=told) as raised:
        Model.load(folder)
    assert str(folder) in str(raised.value)


def test_facts_are_read_with_a_limit(folder: Path) -> None:
    (folder / FACTS_FILE).write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(UnfitModel, match="cannot be read"):
        Model.load(folder)
    (folder / FACTS_FILE).write_text(" " * 2_000_000 + "{}", encoding="utf-8")
    with pytest.raises(UnfitModel, match="2000002 bytes"):
        Model.load(folder)


def test_a_place_without_a_model_is_told(tmp_path: Path) -> None:
    for place, told in ((tmp_path / "no", "not there"), (tmp_path, f"no {FACTS_FILE}")):
        with pytest.raises(UnfitModel, match=told):
            Model.load(place)


def _fewer(weights: dict[str, Any]) -> None:
    del weights["classifier.mean"]


def _others(weights: dict[str, Any]) -> None:
    weights["classifier.coef"] = weights["classifier.coef"][:, :50].copy()


def _beyond(weights: dict[str, Any]) -> None:
    weights["classifier.seen"] = weights["classifier.seen"] + 7


def _nothing(weights: dict[str, Any]) -> None:
    weights["classifier.intercept"] = np.full(4, np.nan)


@pytest.mark.parametrize("spoil", [_fewer, _others, _beyond, _nothing])
def test_weights_of_another_model_are_refused(spoil: Callable[[dict[str, Any]], None], folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    spoil(weights)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UnfitModel, match="not those of its classifier 'functionals'"):
        Model.load(folder)


def test_a_script_is_not_loaded_and_not_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = light_sernet_folder(tmp_path / "model")
    facts = write_scripted(folder, Model.load(folder))
    with pytest.raises(UnfitModel, match=r"model\.ts is an archive"):  # not yet named
        Model.load(folder)
    write_json(folder / FACTS_FILE, facts.model_dump(mode="json"))

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the script was loaded")

    monkeypatch.setattr(torch.jit, "load", refused)
    assert Model.load(folder).facts.scripted == facts.scripted
    with zipfile.ZipFile(folder / "model.ts", "a") as archive:
        archive.writestr("more", pickle.dumps(Evil()))
    with pytest.raises(UnfitModel, match=r"model\.ts is not the file"):
        Model.load(folder)


def test_another_classifier_of_a_user_is_not_made_up(folder: Path) -> None:
    change(folder, classifier={"name": "nowhere.to_be:Found"})
    with pytest.raises(AfterRayError, match="nowhere"):
        Model.load(folder)
