"""Folders of tiny untrained transformers, and their probabilities by plain transformers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, classifiers
from after_ray.classifiers._settings import OnBackbone
from after_ray.models import ModelFacts, Parts, write_model
from after_ray.models.facts import heard_seconds, kind_of
from after_ray.models.transformers.writing import self_contained, write_beside
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from tests.after_ray.models.folders import CLASSES

# Where torchaudio is installed and cannot load, transformers must not find it; elsewhere that does nothing.
PLAIN = """
import json, sys
sys.modules["torchaudio"] = None
import numpy as np, torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification
given, out, *folders = sys.argv[1:]
waves = list(np.load(given).values())
found, classes = {}, []
for place, folder in enumerate(folders):
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    model, report = AutoModelForAudioClassification.from_pretrained(
        folder, trust_remote_code=True, output_loading_info=True)
    assert not any(report.values()), report
    def scored(some):
        inputs = extractor(some, sampling_rate=16000, padding=True, return_tensors="pt")
        with torch.no_grad():
            return model(**inputs).logits.double().softmax(dim=1).numpy()
    found[f"together {place}"] = scored(waves)
    found[f"alone {place}"] = np.concatenate([scored([wave]) for wave in waves])
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


def transformer_folder(out: Path, settings: OnBackbone, backbone: BackboneSettings) -> Path:
    """A model of kind `transformer`: the backbone's random weights, a head as a training would start from."""
    described = self_contained(backbone)
    features = settings.features(described)
    facts = ModelFacts(
        kind=kind_of(settings),
        classes=CLASSES,
        classifier=settings,
        features=features,
        backbone=described,
        max_seconds=heard_seconds(settings, features),
    )
    weights = arrays(build(backbone))
    inner = () if settings.front_end_trained else (16,)
    nothing = np.zeros((400, *inner), np.int16 if settings.front_end_trained else np.float16)
    inputs = ClassifierInputs(Ragged(nothing, np.array([0, 400])), len(CLASSES), weights)
    drawn = classifiers.resolve(settings.name).build(settings, inputs, described).initial(SeedTree(1))
    assert drawn is not None
    # Larger than drawn, so that clips differ in their probabilities.
    louder = {name: 3 * value if name.startswith("head") else value for name, value in drawn.items()}

    def beside(folder: Path, said: ModelFacts) -> ModelFacts:
        write_beside(folder, said)
        return said

    write_model(out, facts, Parts(louder, weights), beside)
    return out


def by_transformers(folders: Sequence[Path], waves: Sequence[NDArray[np.float32]], at: Path) -> list[Found]:
    """What plain transformers finds in each folder, in a process that knows nothing of this package."""
    np.savez(at / "waves.npz", *waves)
    given = [str(at / "waves.npz"), str(at / "out.npz"), *map(str, folders)]
    environment = {**os.environ, "HF_MODULES_CACHE": str(at / "modules"), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-c", PLAIN, *given]
    done = subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, classes = np.load(at / "out.npz"), json.loads(done.stdout.splitlines()[-1])
    return [
        Found(found[f"together {place}"], found[f"alone {place}"], classes[place])
        for place in range(len(folders))
    ]
