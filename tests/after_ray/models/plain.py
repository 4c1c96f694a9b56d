"""Probabilities of model folders by others: plain transformers, torch alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Waves = Sequence[NDArray[np.float32]]

# Where torchaudio is installed and cannot load, transformers must not find it; elsewhere that does nothing.
TRANSFORMERS = """
import json, sys
sys.modules["torchaudio"] = None
import numpy as np, torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline
given, out, *folders = sys.argv[1:]
waves = list(np.load(given).values())
found, classes = {}, []
for place, folder in enumerate(folders):
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    model, report = AutoModelForAudioClassification.from_pretrained(
        folder, trust_remote_code=True, output_loading_info=True)
    assert not any(report.values()), report
    try:
        AutoModelForAudioClassification.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        assert "custom code" in str(error)
    else:
        raise AssertionError("loaded without trust")
    def scored(some):
        inputs = extractor(some, sampling_rate=16000, padding=True, return_tensors="pt")
        with torch.no_grad():
            return model(**inputs).logits.double().softmax(dim=1).numpy()
    found[f"together {place}"] = scored(waves)
    found[f"alone {place}"] = np.concatenate([scored([wave]) for wave in waves])
    scores = pipeline("audio-classification", model=model, feature_extractor=extractor, top_k=None)(waves[0])
    by_label = [{one["label"]: one["score"] for one in scores}[name] for name in model.config.label2id]
    assert np.allclose(by_label, found[f"alone {place}"][0], atol=1e-5), scores
    classes.append([model.config.id2label[i] for i in range(model.config.num_labels)])
assert not [name for name in sys.modules if name.startswith("after_ray")]
np.savez(out, **found)
print(json.dumps(classes))
"""


class Found(NamedTuple):
    """Probabilities of all waves in one padded batch, and of each by itself; the classes."""

    together: NDArray[np.float64]
    alone: NDArray[np.float64]
    classes: list[str]


def by_transformers(folders: Sequence[Path], waves: Waves, at: Path) -> list[Found]:
    """What plain transformers finds in each folder, in a process that knows nothing of this package."""
    found, said = _outside(TRANSFORMERS, folders, waves, at)
    classes = json.loads(said)
    return [
        Found(found[f"together {place}"], found[f"alone {place}"], classes[place])
        for place in range(len(folders))
    ]


# Samples of every length are given to the file, among them fewer than a frame of any kind has.
TORCH = """
import sys
import numpy as np, torch
given, out, *files = sys.argv[1:]
waves = list(np.load(given).values())
found = {}
for place, file in enumerate(files):
    model = torch.jit.load(file)
    found[str(place)] = np.stack([model(torch.from_numpy(wave)).numpy() for wave in waves])
others = [n for n in sys.modules if n.split(".")[0] in ("after_ray", "torchaudio", "transformers", "sklearn")]
assert not others, others
np.savez(out, **found)
"""


def by_torch(folders: Sequence[Path], waves: Waves, at: Path) -> list[NDArray[np.float64]]:
    """What the TorchScript file of each folder gives, in a process that imports torch alone."""
    found, _ = _outside(TORCH, [folder / "model.ts" for folder in folders], waves, at)
    return [found[str(place)] for place in range(len(folders))]


def _outside(script: str, places: Sequence[Path], waves: Waves, at: Path) -> tuple[Any, str]:
    """What a process without this package writes and says last."""
    np.savez(at / "waves.npz", *waves)
    environment = {**os.environ, "HF_MODULES_CACHE": str(at / "modules"), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    given = [str(at / "waves.npz"), str(at / "out.npz"), *map(str, places)]
    done = subprocess.run(
        [sys.executable, "-c", script, *given],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.load(at / "out.npz"), (done.stdout.splitlines() or [""])[-1]
