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

from after_ray import models
from after_ray.errors import UnfitModel
from after_ray.files import sha256_of, write_json
from after_ray.models import FACTS_FILE, Model, ModelFacts, Parts, read_folder, write_model
from after_ray.models.naming import CLASSIFIER, with_prefix
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
        ({"kind": "network"}, "'functionals' is no model of kind network"),
        ({"classes": ["anger", "anger", "neutral", "sad"]}, "class 'anger' is named more than once"),
        ({"classes": ["anger", "\x1b[31mhappy\a", "neutral", "sad"]}, r"class '\\x1b\[31mhappy\\x07'"),
        ({"classes": [str(place) for place in range(300)]}, "classes"),
        ({"max_seconds": -1.0}, "max_seconds is -1.0, and 'functionals' hears all of a clip"),
        ({"scripted": {"file": "../model.ts", "sha256": "0" * 64}}, "scripted.file"),
        ({"scripted": {"file": "/etc/passwd", "sha256": "0" * 64}}, "scripted.file"),
        ({"scripted": {"file": "model.ts", "sha256": "no"}}, "scripted.sha256"),
        ({"scripted": {"file": "model.ts", "sha256": "0" * 64}}, "model.ts is not the file"),
        ({"backbone": {"name": "facebook/wav2vec2-base"}}, "not by the name facebook/wav2vec2-base"),
        (
            {"features": {"kind": "front_end", "backbone": {"name": "/somewhere"}}},
            "backbone of the features is not that",
        ),
        ({"features": {"kind": "cepstra", "seconds": 1e9}}, "features are not those of the classifier"),
        ({"classifier": {"name": "light_sernet"}}, "'light_sernet' is no model of kind functionals"),
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


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "sitecustomize.py", "weights.pkl", "extra.dat", "helper.py"]
)
def test_what_is_named_as_the_script_is_looked_at_like_anything_else(name: str, folder: Path) -> None:
    """The digest is right: whoever makes a folder writes it."""
    (folder / name).write_bytes(pickle.dumps(Evil()) if name != "helper.py" else b"raise SystemExit")
    change(folder, scripted={"file": name, "sha256": sha256_of(folder / name)})
    with pytest.raises(UnfitModel, match=name):
        Model.load(folder)
    assert not ran


def test_a_script_is_an_archive(folder: Path) -> None:
    for content in (pickle.dumps(Evil()), b"raise SystemExit"):
        (folder / "model.ts").write_bytes(content)
        change(folder, scripted={"file": "model.ts", "sha256": sha256_of(folder / "model.ts")})
        with pytest.raises(UnfitModel, match=r"model\.ts is no TorchScript"):
            Model.load(folder)
    (folder / "sub").mkdir()
    (folder / "model.ts").rename(folder / "sub" / "model.ts")
    (folder / "model.ts").write_bytes(_saved())
    change(folder, scripted={"file": "model.ts", "sha256": sha256_of(folder / "model.ts")})
    (folder / "sub" / "model.ts").write_bytes(_saved())
    with pytest.raises(UnfitModel, match=r"model\.ts is an archive"):  # of its name, but not its place
        Model.load(folder)


def test_code_for_transformers_that_is_not_ours_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = Path(models.__file__).parent / "transformers" / "modeling_after_ray.py"
    (folder / ours.name).write_bytes(ours.read_bytes())
    Model.load(folder)
    assert not caplog.messages
    (folder / ours.name).write_bytes(ours.read_bytes() + b"\n")
    Model.load(folder)
    (told,) = caplog.messages
    assert str(folder / ours.name) in told
    assert "is not the one of this version" in told


def test_nothing_is_left_of_a_folder_that_could_not_be_written(folder: Path, tmp_path: Path) -> None:
    facts, weights = read_folder(folder)
    before = sorted(tmp_path.iterdir())

    def broken(made: Path, said: ModelFacts) -> ModelFacts:
        assert (made / "model.safetensors").exists()
        raise OSError("no room")

    parts = Parts(with_prefix(CLASSIFIER, weights))
    with pytest.raises(OSError, match="no room"):
        write_model(tmp_path / "other", facts, parts, broken)
    assert sorted(tmp_path.iterdir()) == before
