"""The paper's active-learning studies at full size, on a made-up manifest of its merged corpus."""

from __future__ import annotations

import numpy as np
import pandas as pd

from after_ray.manifest import Manifest
from sweeps.planning.plan import Plan, make_plan
from sweeps.study.declaration import Study

# Utterances of the four classes, speakers, mean seconds; together 17,084.
MEMBERS = {
    "iemocap": (5531, 10, 4.55),
    "cremad": (4900, 91, 2.5),
    "shemo": (2737, 87, 4.1),
    "emovdb": (2605, 4, 4.4),
    "ravdess": (672, 24, 3.7),
    "emodb": (339, 10, 2.8),
    "savee": (300, 4, 3.8),
}
SCHEDULE = [1, 5, 10, 15, 20, 30, 40, 60, 80, 100]
TABLE_2 = [10, 20, 40, 60, 80, 100]
TABLE_4 = [10, 20, 30, 40, 60, 80, 100]
STANDINS = [f"tests.sweeps.cost.standins:{name}" for name in ("Alps", "Clustering")]
SEVEN = ["entropy", "least_confidence", "margin", "random", "batchbald", *STANDINS]


def merged_manifest() -> Manifest:
    """17,084 utterances of about 3.7 s; IEMOCAP has five sessions of two speakers."""
    draws = np.random.default_rng(0)
    rows = []
    for corpus, (count, speakers, mean) in MEMBERS.items():
        seconds = np.clip(draws.lognormal(np.log(mean) - 0.5**2 / 2, 0.5, count), 0.6, 30.0)
        for number in range(count):
            speaker = number % speakers
            rows.append(
                {
                    "utterance": f"{corpus}/{number:05d}",
                    "path": f"{corpus}/{number:05d}.wav",
                    "speaker": f"{corpus}/{speaker:03d}",
                    "gender": ("female", "male")[speaker % 2],
                    "emotion": ("anger", "happy", "neutral", "sad")[number // speakers % 4],
                    "sentence": f"{corpus}/{number}",
                    "session": f"{corpus}/{speaker // 2}" if corpus == "iemocap" else "",
                    "seconds": seconds[number],
                    "sample_rate": 16_000,
                    "audio": f"{corpus}{number}",
                }
            )
    return Manifest("merged", pd.DataFrame(rows))


def study(name: str, **axes: object) -> Study:
    """One of the paper's studies: five folds, ten seeds, one schedule, wav2vec 2.0 base on a GPU in bf16."""
    fitting = {"precision": "bf16"}
    common: dict[str, object] = {
        "study": name,
        "corpus": [{"name": "merged", "root": "corpora"}],
        # The head that batchbald needs, so that the tables' trajectories are among those of the figure.
        "classifier": [{"name": "pooled_transformer", "head_dropout": 0.1, "fitting": fitting}],
        "backbone": [{"config": {"hidden_size": 768}}],
        "adaptation": [{"name": "tapt", "repeat": "per_seed", "precision": "bf16"}],
        "schedule": SCHEDULE,
        "seed": "0..9",
        "resources": {"cpu": 4, "gpu": 1},
    }
    return Study.model_validate({**common, **axes})


def studies() -> list[Study]:
    """Table 2, Table 4 and Figure 2. Tables report the ratios that they print, the curves every point."""
    both = [None, {"name": "tapt", "repeat": "per_seed", "precision": "bf16"}]
    return [
        study("table2", strategy="entropy", initialization="clustering", ratios=TABLE_2),
        study(
            "table4",
            adaptation=both,
            strategy=["random", "entropy"],
            initialization="clustering",
            ratios=TABLE_4,
        ),
        study("figure2", strategy=SEVEN, initialization=["random", "clustering"]),
    ]


def plans(manifest: Manifest) -> list[Plan]:
    """Their plans."""
    return [make_plan(one, [manifest]) for one in studies()]


def iemocap_of(merged: Manifest) -> Manifest:
    """The member that Table 3 also tests alone."""
    table = merged.table[merged.table["speaker"].str.startswith("iemocap/")]
    return Manifest("iemocap", table.reset_index(drop=True))


def table_3() -> list[Study]:
    """AFTER to 20 %, and six baselines on all labels, which share nothing with one another.

    Four convolutional baselines are stood in by Light-SERNet with other numbers of steps, Pseudo-TAPT by an
    adaptation of half the steps, w2v2-L by a backbone of the large model's size that is not adapted.
    """
    corpora = [{"name": "merged", "root": "corpora"}, {"name": "iemocap", "root": "corpora"}]
    large = {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    }
    networks = [{"name": "light_sernet", "steps": steps} for steps in (24_000, 24_001, 24_002, 24_003)]
    halved = {"name": "tapt", "repeat": "per_seed", "precision": "bf16", "steps": 10_000}
    shot: dict[str, object] = {"corpus": corpora, "schedule": [100]}
    return [
        study("after", corpus=corpora, strategy="entropy", initialization="clustering", ratios=[20]),
        study("networks", classifier=networks, **shot),
        study("pseudo_tapt", adaptation=[halved], **shot),
        study("large", backbone=[{"config": large}], adaptation=[None], **shot),
    ]


def whole_suite(merged: Manifest) -> tuple[list[Plan], list[Manifest]]:
    """The active-learning studies and Table 3, and the manifests of both corpora."""
    manifests = [merged, iemocap_of(merged)]
    return [*plans(merged), *(make_plan(one, manifests) for one in table_3())], manifests
