"""Corpora of the paper's sizes and weights of its backbones' shapes, made up: studies plan without either."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import constants

from after_ray.backbones.identity import CONFIG_FILE, HEADS, _snapshot
from after_ray.corpora._base import Scan
from after_ray.corpora._settings import CorpusSettings, MergedSettings, SyntheticSettings
from after_ray.manifest import Manifest
from sweeps.planning.opening import CorpusProgress, Scans

# Utterances of the four classes, speakers, mean seconds.
SIZES = {
    "iemocap": (5531, 10, 4.55),
    "cremad": (4900, 91, 2.5),
    "shemo": (2737, 87, 4.1),
    "emovdb": (2836, 4, 4.4),
    "ravdess": (672, 24, 3.7),
    "emodb": (339, 10, 2.8),
    "savee": (300, 4, 3.8),
}
EMOTIONS = ("anger", "happy", "neutral", "sad")
COMMIT = "1" * 40
BASE: dict[str, object] = {"model_type": "wav2vec2"}
LARGE: dict[str, object] = {
    "model_type": "wav2vec2",
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
    "conv_bias": True,
}
HUB = {
    "facebook/wav2vec2-base": BASE,
    "facebook/wav2vec2-large-robust": LARGE,
    "facebook/hubert-base-ls960": {"model_type": "hubert"},
}


class MadeUpScans(Scans):
    """Scans that read nothing: every corpus has the utterances that its name stands for."""

    def of(self, corpus: CorpusSettings, cache: Path, progress: CorpusProgress | None = None) -> Scan:
        """A scan of made-up utterances; a generated corpus is read as it is."""
        if isinstance(corpus, SyntheticSettings):
            return super().of(corpus, cache, progress)
        members = [one.title for one in corpus.members] if isinstance(corpus, MergedSettings) else None
        voted = getattr(corpus, "votes", "none") != "none"
        return Scan(made_up(corpus.title, members or [corpus.title], voted))


def made_up(name: str, members: list[str], voted: bool = False) -> Manifest:
    """A corpus of these members; IEMOCAP has five sessions of two speakers.

    `voted`: three annotators have judged each utterance, and two of them agree with its label.
    """
    rows = []
    for member in members:
        draws = np.random.default_rng(list(SIZES).index(member))
        count, speakers, mean = SIZES[member]
        seconds = np.clip(draws.lognormal(np.log(mean) - 0.5**2 / 2, 0.5, count), 0.6, 30.0)
        rows += [_row(member, number, number % speakers, seconds[number], voted) for number in range(count)]
    return Manifest(name, pd.DataFrame(rows))


def _row(corpus: str, number: int, speaker: int, seconds: float, voted: bool) -> dict[str, object]:
    emotion = EMOTIONS[number // SIZES[corpus][1] % 4]
    row: dict[str, object] = {
        "utterance": f"{corpus}/{number:05d}",
        "path": f"{corpus}/{number:05d}.wav",
        "speaker": f"{corpus}/{speaker:03d}",
        "gender": ("female", "male")[speaker % 2],
        "emotion": emotion,
        "sentence": f"{corpus}/{number}",
        "session": f"{corpus}/{speaker // 2}" if corpus == "iemocap" else "",
        "seconds": seconds,
        "sample_rate": 16_000,
        "audio": f"{corpus}{number}",
    }
    if voted:
        other = EMOTIONS[(EMOTIONS.index(emotion) + 1) % 4]
        row["votes"] = " ".join(sorted([f"{emotion}=2", f"{other}=1"]))
    return row


@contextmanager
def made_up_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub's cache with the configurations of published backbones and no weights but their names.

    Beside it the folder of small backbones, `AFTER_RAY_BACKBONES`.
    """
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    for name, config in HUB.items():
        repository = folder / f"models--{name.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(COMMIT)
        _write(repository / "snapshots" / COMMIT, config)
    _write(folder / "small", {"model_type": "wav2vec2", "hidden_size": 96, "num_hidden_layers": 3})
    monkeypatch.setenv("AFTER_RAY_BACKBONES", str(folder))
    _snapshot.cache_clear()
    yield
    _snapshot.cache_clear()


def _write(folder: Path, config: dict[str, object]) -> None:
    """A backbone's files: its configuration, and heads of pre-training that hold nothing."""
    folder.mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    header = {f"{head}weight": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for head in HEADS}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
