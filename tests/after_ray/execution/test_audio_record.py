"""The record of prepared audio names the copy of the corpus, member by member where it is merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from after_ray.corpora._base import scan
from after_ray.corpora._settings import MergedSettings, SyntheticSettings
from after_ray.execution.corpus import prepare_audio
from after_ray.stages import AudioStage
from after_ray.store import Store
from tests.after_ray.corpora.trees import plant

SYNTHETIC = {"name": "synthetic", "speakers": 2, "sentences": 1}


def details(settings: MergedSettings | SyntheticSettings, folder: Path) -> dict[str, Any]:
    found = scan(settings, folder / "scans")
    stage = AudioStage(found.manifest.digest, found.manifest.corpus)
    return dict(prepare_audio(stage, found, settings, Store(folder / "store")).details)


def test_the_copy_of_every_member_is_recorded(tmp_path: Path) -> None:
    root = plant(tmp_path / "emodb", [f"wav/{name}.wav" for name in ("03a01Fa", "03a01Nc", "08a01Wa")])
    emodb = {"name": "emodb", "root": str(root), "altered": "accept"}
    merged = MergedSettings.model_validate({"members": [SYNTHETIC, emodb], "test_corpus": "synthetic"})
    found = details(merged, tmp_path)
    assert found["members"] == {"synthetic": "none", "emodb": "altered"}
    assert found["conformity"]["level"] == "altered"
    assert found["conformity"]["differences"][0].startswith("emodb: 336 of 339 utterances are missing (")


def test_a_corpus_by_itself_has_no_members(tmp_path: Path) -> None:
    found = details(SyntheticSettings(speakers=2, sentences=1), tmp_path)
    assert (found["members"], found["conformity"]) == ({}, {"level": "none", "differences": []})
