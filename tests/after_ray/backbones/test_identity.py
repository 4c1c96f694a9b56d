from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from after_ray.backbones.identity import _snapshot, identity, locate, provenance, resolve
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import MissingBackbone

Tiny = Callable[..., BackboneSettings]


@pytest.fixture(autouse=True)
def _no_snapshot_from_another_test() -> Iterator[None]:
    _snapshot.cache_clear()
    yield
    _snapshot.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backbone"
    made.mkdir()
    (made / "config.json").write_text('{"model_type": "wav2vec2"}')
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def test_identity_is_of_the_files_and_not_of_their_place(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    (copy / "README.md").write_text("not part of it")
    first = identity(BackboneSettings(name=str(folder)))
    assert first == identity(BackboneSettings(name=str(copy)))
    assert len(first) == 64


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_identity_changes_with_any_file_that_counts(folder: Path, name: str) -> None:
    before = identity(BackboneSettings(name=str(folder)))
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert identity(BackboneSettings(name=str(folder))) != before


def test_resolving_fills_in_the_identity(folder: Path) -> None:
    resolved = resolve(BackboneSettings(name=str(folder)))
    assert resolved.identity == identity(resolved)
    assert resolved.meaning() == {"identity": resolved.identity, "seed": 0}


def test_the_seed_of_heads_that_files_lack_is_part_of_the_meaning(folder: Path) -> None:
    first, other = (resolve(BackboneSettings(name=str(folder), seed=seed)) for seed in (0, 1))
    assert first.identity == other.identity
    assert first.meaning() != other.meaning()


def test_a_configuration_is_its_own_identity(tiny: Tiny) -> None:
    assert resolve(tiny()) == tiny()
    assert identity(tiny()) == ""


def test_naming_the_default_family_means_the_same_as_leaving_it_out(tiny: Tiny) -> None:
    named = BackboneSettings(config={**(tiny().config or {}), "model_type": "wav2vec2"}, seed=5)
    assert named.meaning() == tiny().meaning()
    assert tiny(model_type="hubert").meaning() != tiny(model_type="wavlm").meaning()


def test_a_folder_is_recorded_without_the_way_to_it(folder: Path) -> None:
    settings = resolve(BackboneSettings(name=str(folder)))
    assert provenance(settings) == {
        "name": "backbone",
        "revision": None,
        "identity": settings.identity,
        "model_type": "wav2vec2",
    }


def test_drawn_weights_are_recorded_as_such(tiny: Tiny) -> None:
    recorded = provenance(tiny(model_type="wavlm"))
    assert recorded == {"name": None, "revision": None, "identity": None, "model_type": "wavlm"}


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", "../nowhere"])
def test_a_missing_folder_is_called_a_missing_folder(name: str) -> None:
    with pytest.raises(MissingBackbone, match="there is no such folder"):
        identity(BackboneSettings(name=name))


def test_a_hub_name_that_cannot_be_had_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(MissingBackbone, match=r"'some/model'.*the hub did not give it \(ConnectionError\)"):
        identity(BackboneSettings(name="some/model"))


def test_a_hub_name_has_the_identity_of_its_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[object] = []

    def snapshot(name: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.extend([name, revision])
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    hub = identity(BackboneSettings(name="some/model", revision="abc"))
    assert asked == ["some/model", "abc"]
    assert hub == identity(BackboneSettings(name=str(folder)))


def test_the_hub_is_asked_once_per_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[str] = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **_: asked.append(name) or str(folder)
    )
    settings = BackboneSettings(name="some/model")
    assert identity(settings) == identity(settings)
    assert locate(settings) == folder
    assert asked == ["some/model"]
    locate(BackboneSettings(name="some/model", revision="abc"))
    assert len(asked) == 2


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingBackbone, match=r"pickled \(\*\.bin\).*never loaded"):
        identity(BackboneSettings(name=str(folder)))


def test_other_kinds_of_model_are_refused_with_those_that_are_not(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    allowed = r"'wav2vec2' \(wav2vec 2.0\), 'hubert' \(HuBERT\), 'wavlm' \(WavLM\)"
    with pytest.raises(MissingBackbone, match=f"model_type is 'whisper', and only {allowed}"):
        identity(BackboneSettings(name=str(folder)))


def test_a_position_embedding_that_mixes_utterances_is_refused(folder: Path) -> None:
    described = {"model_type": "hubert", "conv_pos_batch_norm": False}
    (folder / "config.json").write_text(json.dumps(described))
    assert identity(BackboneSettings(name=str(folder)))
    (folder / "config.json").write_text(json.dumps(described | {"conv_pos_batch_norm": True}))
    with pytest.raises(MissingBackbone, match=r"conv_pos_batch_norm is true.* depend on its neighbours"):
        identity(BackboneSettings(name=str(folder)))


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ("[1]", "holds no settings")])
def test_a_damaged_description_is_refused(folder: Path, text: str, said: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(MissingBackbone, match=f"config.json {said}"):
        identity(BackboneSettings(name=str(folder)))


@pytest.mark.parametrize(
    ("missing", "said"), [("config.json", "no config"), ("model.safetensors", "no .*safe")]
)
def test_an_incomplete_folder_is_refused(folder: Path, missing: str, said: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(MissingBackbone, match=said):
        identity(BackboneSettings(name=str(folder)))


def test_identity_needs_no_torch() -> None:
    code = "import sys, after_ray.backbones.identity; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
