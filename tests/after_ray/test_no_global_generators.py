"""No module draws from a global random generator, and no trajectory moves one or depends on one."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from after_ray.classifiers._settings import ClassifierSettings, GlamSettings, LightSerNetSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from tests.after_ray.draws import Draw, draws_below, find_draws
from tests.after_ray.execution.chains import TRANSFORMER, chain, results

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("after_ray", "trainables", "sweeps", "analysis")
CHECKED = "looks whether a strategy or a classifier moves the global generators, and draws nothing"
PUT_BACK = "makes sure that nothing depends on the global generators, and puts them back"
FORKED = "seeds torch's default generator inside `fork_rng`, which puts it back"
LOADED = "runs in processes of transformers alone, which load weights over what is drawn"
REPLACED = "is called inside `fork_rng`, and a generator that is passed in draws its weights anew"
# (path, function, what is named): why that is in order.
ALLOWED = {
    ("after_ray/testing/_globals.py", "", "random"): CHECKED,
    ("after_ray/testing/_globals.py", "global_states", "numpy.random.get_state"): CHECKED,
    ("after_ray/testing/_globals.py", "elsewhere", "numpy.random.get_state"): PUT_BACK,
    ("after_ray/testing/_globals.py", "elsewhere", "numpy.random.seed"): PUT_BACK,
    ("after_ray/testing/_globals.py", "elsewhere", "numpy.random.set_state"): PUT_BACK,
    ("after_ray/testing/_globals.py", "elsewhere", "torch.manual_seed"): PUT_BACK,
    ("after_ray/training/fit.py", "seeded_dropout", "torch.default_generator.manual_seed"): FORKED,
    ("after_ray/training/fit.py", "seeded_dropout", "torch.cuda.default_generators"): FORKED,
    ("after_ray/backbones/loading.py", "_seeded", "torch.default_generator.manual_seed"): FORKED,
    ("after_ray/training/state.py", "load_generators", "torch.set_rng_state"): "is called inside a fork",
    ("after_ray/training/state.py", "load_generators", "torch.cuda.set_rng_state"): "is called inside a fork",
    ("after_ray/classifiers/_light_network.py", "__init__", "torch.nn.Linear"): REPLACED,
    ("after_ray/classifiers/_light_network.py", "_path", "torch.nn.Conv2d"): REPLACED,
    ("after_ray/classifiers/_light_network.py", "_block", "torch.nn.Conv2d"): REPLACED,
    ("after_ray/adaptation/pseudo_tapt/_emotion_network.py", "__init__", "torch.nn.LSTM"): REPLACED,
    ("after_ray/classifiers/_quaternion_networks.py", "__init__", "torch.nn.Linear"): REPLACED,
    ("after_ray/classifiers/_rh_emo_network.py", "__init__", "torch.nn.Conv2d"): REPLACED,
    ("after_ray/classifiers/_rh_emo_network.py", "__init__", "torch.nn.Linear"): REPLACED,
    ("after_ray/models/transformers/modeling_after_ray.py", "__init__", "torch.nn.Linear"): LOADED,
}


def test_no_module_draws_from_a_global_generator() -> None:
    assert all((REPOSITORY / package).is_dir() for package in PACKAGES)
    found = [(path, draw) for package in PACKAGES for path, draw in draws_below(REPOSITORY / package)]
    others = [
        f"{path}:{draw.line}: {draw.what}"
        for path, draw in found
        if (path, draw.where, draw.what) not in ALLOWED
    ]
    assert others == [], "draw from a generator that is passed in (after_ray/seeds.py)"
    unneeded = ALLOWED.keys() - {(path, draw.where, draw.what) for path, draw in found}
    assert unneeded == set(), "allowed, but no longer there"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import random", "random"),
        ("import random as chance", "random"),
        ("from random import shuffle", "random.shuffle"),
        ("import numpy as np\nnp.random.seed(0)", "numpy.random.seed"),
        ("import numpy as np\nnp.random.rand(3)", "numpy.random.rand"),
        ("import numpy as np\nnp.random.shuffle(rows)", "numpy.random.shuffle"),
        ("import numpy as np\ndraw = np.random.choice", "numpy.random.choice"),
        ("import numpy as np\nnp.random.RandomState(0)", "numpy.random.RandomState"),
        ("import numpy as np\ndraw(np.random)", "numpy.random"),
        ("import numpy.random as nr\nnr.permutation(3)", "numpy.random.permutation"),
        ("from numpy import random\nrandom.normal()", "numpy.random.normal"),
        ("from numpy.random import shuffle\nshuffle(rows)", "numpy.random.shuffle"),
        ("from numpy.random import *", "numpy.random.*"),
        ("import numpy as np\nnp.random.default_rng()", "numpy.random.default_rng"),
        ("import numpy as np\nnp.random.default_rng(None)", "numpy.random.default_rng"),
        ("import numpy as np\nnp.random.SeedSequence()", "numpy.random.SeedSequence"),
        ("from numpy.random import default_rng\ndefault_rng()", "numpy.random.default_rng"),
        ("import torch\ntorch.rand(3)", "torch.rand"),
        ("import torch\ntorch.randn(3, generator=None)", "torch.randn"),
        ("import torch\ntorch.randint(0, 3, (2,))", "torch.randint"),
        ("import torch\ntorch.randperm(3)", "torch.randperm"),
        ("import torch\ntorch.rand_like(x)", "torch.rand_like"),
        ("import torch\ntorch.bernoulli(x)", "torch.bernoulli"),
        ("import torch\ntorch.multinomial(x, 2)", "torch.multinomial"),
        ("import torch\ntorch.normal(0.0, 1.0, (2,))", "torch.normal"),
        ("from torch import randn as noise\nnoise(3)", "torch.randn"),
        ("import torch\ntorch.manual_seed(0)", "torch.manual_seed"),
        ("import torch\ntorch.seed()", "torch.seed"),
        ("import torch\ntorch.cuda.manual_seed_all(0)", "torch.cuda.manual_seed_all"),
        ("import torch\ntorch.random.set_rng_state(state)", "torch.random.set_rng_state"),
        ("import torch\ndraw(generator=torch.default_generator)", "torch.default_generator"),
        ("import torch\ntorch.Generator().seed()", ".seed"),
        ("x.uniform_()", ".uniform_"),
        ("x.weight.data.normal_(0, 1)", ".normal_"),
        ("x.view(3).bernoulli_(0.5, generator=None)", ".bernoulli_"),
        ("from torch import nn\nnn.init.xavier_uniform_(weight)", "torch.nn.init.xavier_uniform_"),
        ("from torch.nn.init import normal_\nnormal_(weight)", "torch.nn.init.normal_"),
        ("from torch import nn\nnn.Linear(2, 3)", "torch.nn.Linear"),
        ("from torch.nn import Conv2d\nConv2d(1, 2, 3)", "torch.nn.Conv2d"),
        ("from torch.utils.data import DataLoader\nDataLoader(rows)", "torch.utils.data.DataLoader"),
        ("from sklearn.cluster import KMeans\nKMeans(3)", "sklearn.cluster.KMeans"),
        ("from sklearn.cluster import KMeans\nKMeans(3, random_state=None)", "sklearn.cluster.KMeans"),
        ("from sklearn import cluster\ncluster.MiniBatchKMeans(3)", "sklearn.cluster.MiniBatchKMeans"),
        ("from sklearn.utils import shuffle\nshuffle(rows)", "sklearn.utils.shuffle"),
        (
            "from sklearn.linear_model import LogisticRegression\nLogisticRegression(solver='saga')",
            "sklearn.linear_model.LogisticRegression",
        ),
        ("from scipy import stats\nstats.bootstrap((x,), f)", "scipy.stats.bootstrap"),
        ("from scipy import stats\nstats.norm.rvs(size=3)", ".rvs"),
        ("table.sample(3)", ".sample"),
    ],
)
def test_the_search_notices(source: str, what: str) -> None:
    assert [draw.what for draw in find_draws(source)] == [what]


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\ndef f(generator: np.random.Generator) -> None:\n    generator.shuffle(rows)",
        "import numpy as np\nnp.random.default_rng(seeds.sequence()).random()",
        "import numpy as np\nnp.random.SeedSequence(entropy=3)",
        "import torch\ntorch.randn(3, generator=g)",
        "import torch\ntorch.Generator().manual_seed(3)",
        "from torch import nn\nnn.utils.skip_init(nn.Linear, 2, 3)",
        "from torch import nn\nnn.init.normal_(weight, generator=g)\nnn.init.zeros_(bias)",
        "x.uniform_(generator=g)",
        "from sklearn.cluster import KMeans\nKMeans(3, random_state=seed)",
        "from sklearn.preprocessing import StandardScaler\nStandardScaler().fit(x)",
        "from sklearn.linear_model import LogisticRegression\nLogisticRegression(C=1.0)",
        "from scipy import stats\nstats.t.ppf(0.975, 4)",
        "table.sample(3, random_state=generator)",
    ],
)
def test_the_search_lets_pass(source: str) -> None:
    assert find_draws(source) == []


def test_a_place_is_the_innermost_function() -> None:
    source = "import torch\ndef outer():\n    def inner():\n        torch.seed()\n"
    assert find_draws(source) == [Draw("inner", "torch.seed", 4)]


# The promise itself, where it can be observed: dropout and other people's code included.


def global_states() -> dict[str, object]:
    of_numpy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - what nobody may move
    return {
        "Python": random.getstate(),
        "numpy": (of_numpy["key"].tobytes(), of_numpy["pos"]),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def move_global_generators() -> None:
    random.random()
    np.random.random()  # noqa: NPY002 - what shall not matter
    torch.rand(1)


def trajectory(folder: Path, classifier: ClassifierSettings) -> list[tuple[object, ...]]:
    """A whole run, from the corpus on; of the transformer with adaptation and every kind of dropout."""
    execution = Execution(str(folder / "store"), str(folder / "cache"), device="cpu")
    last = chain(execution, classifier)
    run(last, execution)
    return results(execution, last)


@pytest.mark.slow
@pytest.mark.parametrize(
    "classifier",
    [
        TRANSFORMER,
        LightSerNetSettings(steps=2, evaluations=1, batch_size=8),
        GlamSettings(seconds=0.3, overlap=0.0, steps=2, evaluations=1, batch_size=8),
    ],
    ids=["adapted_transformer", "light_sernet", "glam"],
)
def test_a_trajectory_leaves_the_global_generators_alone_and_does_not_depend_on_them(
    tmp_path: Path, classifier: ClassifierSettings
) -> None:
    fix_threads(1)
    before = global_states()
    undisturbed = trajectory(tmp_path / "undisturbed", classifier)
    after = global_states()
    assert [name for name in before if before[name] != after[name]] == []
    move_global_generators()
    assert all(before[name] != state for name, state in global_states().items())
    assert trajectory(tmp_path / "moved", classifier) == undisturbed
