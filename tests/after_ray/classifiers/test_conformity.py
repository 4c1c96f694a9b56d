"""Every classifier keeps every promise of the kit, and the kit notices broken promises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from after_ray.classifiers import classifiers
from after_ray.environment import fix_threads
from after_ray.testing import (
    CLASSIFIER_PROMISES,
    ClassifierCase,
    ClassifierPromise,
    _case,
    _classifiers,
    check_classifier,
    classifier_case,
)
from after_ray.testing._globals import elsewhere
from tests.after_ray.classifiers.own_page import write_files

SETTINGS: dict[str, dict[str, Any]] = {
    "functionals": {},
    "glam": {"learning_rate": 1e-4, "dropout": 0.2},
    "light_sernet": {},
    "lssed": {"seconds": 0.32},
    "pooled_transformer": {"head_dropout": 0.2},
    "rh_emo": {"learning_rate": 1e-3},
    "w2v2_l_r_12": {},
}
CONVOLUTIONAL = {"glam", "light_sernet", "lssed", "rh_emo"}
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in CONVOLUTIONAL else []) for name in sorted(SETTINGS)
]


@lru_cache(maxsize=1)
def case_of(name: str) -> ClassifierCase:
    """One case, and hence one first training, for all promises."""
    fix_threads(1)
    return classifier_case(name, **SETTINGS[name])


def test_every_classifier_is_checked() -> None:
    assert set(SETTINGS) == set(classifiers.names())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("promise", CLASSIFIER_PROMISES, ids=lambda promise: promise.__name__)
def test_keeps(name: str, promise: ClassifierPromise) -> None:
    promise(case_of(name))


# Each breaks the promise that its docstring names, and is otherwise what the page shows.
BROKEN = '''\
import dataclasses
import numpy as np
import torch
from mine import Nearest
from wide import Wide


class Peeking(Nearest):
    """reads_only_what_it_may"""

    def fit(self, train, validation, **rest):
        self.inputs.features.values.mean()
        return super().fit(train, validation, **rest)


class Silent(Nearest):
    """tells_of_its_training"""

    def fit(self, train, validation, **rest):
        super().fit(train, validation, **rest)


class Unnormed(Nearest):
    """gives_probabilities_of_every_class"""

    def log_probabilities(self, rows):
        return super().log_probabilities(rows) + 0.1


class Sorting(Nearest):
    """gives_probabilities_of_every_class"""

    def log_probabilities(self, rows):
        return super().log_probabilities(np.sort(rows))


class Narrow(Nearest):
    """works_with_a_class_unlabelled"""

    def log_probabilities(self, rows):
        scores = super().log_probabilities(rows)[:, np.unique(self.known["labels"])]
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


class Sociable(Nearest):
    """scores_alone_as_in_company"""

    def standardised(self, rows):
        values = super().standardised(rows)
        return values - values.mean(axis=0)


class Wider(Nearest):
    """embeds_every_utterance"""

    def embeddings(self, rows):
        return self.standardised(rows)


class Doubling(Wide):
    """draws_dropout_of_its_head"""

    def embeddings(self, rows):
        return 2 * super().embeddings(rows)


class Undrawn(Wide):
    """draws_dropout_of_its_head"""

    def head_draws(self, rows):
        raise NotImplementedError("nothing is drawn")


class Forgetful(Nearest):
    """keeps_all_in_its_weights"""

    bias = 0.0

    def fit(self, train, validation, **rest):
        self.bias = 1.0
        return super().fit(train, validation, **rest)

    def embeddings(self, rows):
        return super().embeddings(rows) + np.float32(self.bias)


class Unseeded(Nearest):
    """repeats_itself"""

    def fit(self, train, validation, **rest):
        report = super().fit(train, validation, **rest)
        self.known["mean"] = self.known["mean"] + np.random.default_rng().random()
        return report


class Borrowing(Nearest):
    """repeats_itself"""

    def fit(self, train, validation, **rest):
        report = super().fit(train, validation, **rest)
        with torch.random.fork_rng():
            self.known["mean"] = self.known["mean"] + torch.rand(1).numpy()
        return report


class Shaking(Nearest):
    """touches_no_global_random_state"""

    def log_probabilities(self, rows):
        torch.rand(1)
        return super().log_probabilities(rows)


class Stuck(Wide):
    """goes_on_from_earlier_weights"""

    def fit(self, train, validation, *, start, **rest):
        return super().fit(train, validation, start=None, **rest)


class Otherwise(Wide):
    """goes_on_from_earlier_weights"""

    def initial(self, seeds):
        return {"mean": np.zeros(3)}


class Amnesiac(Wide):
    """goes_on_after_a_cut"""

    def fit(self, train, validation, *, seeds, checkpoint, **rest):
        again = seeds if checkpoint.load() is None else seeds.child("again")
        return super().fit(train, validation, seeds=again, checkpoint=checkpoint, **rest)


class Deaf(Nearest):
    """uses_or_refuses_soft_targets"""

    def fit(self, train, validation, **rest):
        return super().fit(dataclasses.replace(train, targets=None), validation, **rest)


class Majority(Nearest):
    """uses_or_refuses_soft_targets"""

    def fit(self, train, validation, **rest):
        labels = train.labels if train.targets is None else train.targets.argmax(1)
        return super().fit(dataclasses.replace(train, labels=labels, targets=None), validation, **rest)


class Keeping(Majority):
    """uses_or_refuses_soft_targets"""

    def fit(self, train, validation, **rest):
        report = super().fit(train, validation, **rest)
        self.known["told"] = np.zeros(1) if train.targets is None else train.targets
        return report
'''
PAIRS = dict(re.findall(r'class (\w+)\(\w+\):\n    """(\w+)"""', BROKEN))


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, monkeypatch, broken=BROKEN)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.usefixtures("broken")
def test_the_kit_notices(name: str) -> None:
    case = classifier_case(f"broken:{name}")
    (promise,) = (one for one in CLASSIFIER_PROMISES if one.__name__ == PAIRS[name])
    with pytest.raises(AssertionError) as told:
        promise(case)
    assert str(told.value), "a sentence"


@pytest.mark.usefixtures("broken")
def test_the_kit_as_a_whole_stops_at_a_broken_promise() -> None:
    with pytest.raises(AssertionError, match="float64, not float32"):
        check_classifier("broken:Wider", k=3)


def test_every_promise_has_a_classifier_that_breaks_it_and_every_check_is_a_promise() -> None:
    promises = {promise.__name__ for promise in CLASSIFIER_PROMISES}
    assert set(PAIRS.values()) == promises
    defined = {
        name
        for name, value in vars(_classifiers).items()
        if getattr(value, "__module__", "") == _classifiers.__name__ and not name.startswith("_")
    }
    assert promises == defined - {"check_classifier"}


def test_soft_targets_may_be_refused_or_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from mine import Nearest\n\n\nclass Refusing(Nearest):\n"
        "    def fit(self, train, validation, **rest):\n"
        "        if train.targets is not None:\n"
        "            raise NotImplementedError('shares of classes')\n"
        "        return super().fit(train, validation, **rest)\n"
    )
    write_files(tmp_path, monkeypatch, soft=code)
    for name in ("soft:Refusing", "mine:Nearest", "wide:Wide"):
        _classifiers.uses_or_refuses_soft_targets(classifier_case(name))


def test_the_kit_watches_generators_of_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = (
        "import torch\nfrom mine import Nearest\n\n\nclass Drawing(Nearest):\n"
        "    def embeddings(self, rows):\n"
        "        torch.cuda.get_rng_state_all()[1].add_(1)\n"
        "        return super().embeddings(rows)\n"
    )
    write_files(tmp_path, monkeypatch, drawing=drawing)
    states = [torch.zeros(2, dtype=torch.uint8), torch.zeros(2, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    _classifiers.touches_no_global_random_state(classifier_case("mine:Nearest"))
    with pytest.raises(AssertionError, match="the global generator of torch on GPU 1 was moved"):
        _classifiers.touches_no_global_random_state(classifier_case("drawing:Drawing"))


def test_a_history_of_another_kind_is_put_back_on_gpus_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    forked: list[list[int]] = []

    @contextmanager
    def fork_rng(devices: Iterable[int]) -> Iterator[None]:
        forked.append(list(devices))
        yield

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.random, "fork_rng", fork_rng)
    before = torch.get_rng_state()
    with elsewhere():
        pass
    torch.set_rng_state(before)
    assert forked == [[0, 1]]


def test_utterances_of_the_kit_are_of_three_classes_and_many_lengths() -> None:
    rows = np.concatenate([_case.TRAIN, _case.VALIDATION, _case.TEST])
    assert rows.tolist() == list(range(_case.SIZE))
    assert len({len(_case.wave(row)) for row in rows.tolist()}) == _case.SIZE
    assert all(np.abs(_case.wave(row)).max() <= 1 for row in rows.tolist())
