"""Requests at one model: one batch at a time, in turn, and none for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from after_ray.classifiers._settings import FunctionalsSettings
from after_ray.models import Model
from sweeps.serving.scoring import FOLDER, Scoring
from sweeps.serving.turns import ASKED, Asked
from tests.after_ray.models.folders import CLASSES, facts_of

SHORT = {"samples": [0.1, -0.1] * 800, "sampling_rate": 16_000}
LONG = {"samples": [0.1, -0.1] * 16_000, "sampling_rate": 16_000}
MANY = {"window": 0.1, "hop": 0.01}  # of it: 191 windows, 6 batches


class SlowModel:
    """Takes a tenth of a second for a batch, and notes how many ask at once."""

    classes = CLASSES
    facts = facts_of(FunctionalsSettings())

    def __init__(self) -> None:
        self.asking = self.most = 0
        self.batches: list[int] = []
        self.begun = Event()

    def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        self.asking += 1
        self.most = max(self.most, self.asking)
        self.batches.append(len(waves))
        self.begun.set()
        time.sleep(0.1)
        self.asking -= 1
        return np.log(np.full((len(waves), len(CLASSES)), 1 / len(CLASSES)))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowModel:
    model = SlowModel()
    monkeypatch.setattr(Model, "load", lambda folder, device, own: model)
    return model


@pytest.fixture
def scoring(slow: SlowModel) -> Scoring:
    made = Scoring()
    made.load_context(SimpleNamespace(artifacts={FOLDER: "nowhere"}, model_config={}))
    return made


def asking(scoring: Scoring, row: dict[str, Any], params: dict[str, Any], done: Callable[[], None]) -> Thread:
    def ask() -> None:
        scoring.predict(None, pd.DataFrame([row]), params)
        done()

    thread = Thread(target=ask)
    thread.start()
    return thread


def test_a_short_request_waits_for_a_batch_of_a_long_one_and_nobody_asks_beside_another(
    scoring: Scoring, slow: SlowModel
) -> None:
    ends: list[str] = []
    threads = [asking(scoring, LONG, MANY, lambda: ends.append("long"))]
    assert slow.begun.wait(10)
    threads.append(asking(scoring, SHORT, {}, lambda: ends.append("short")))
    for thread in threads:
        thread.join(20)
    assert ends == ["short", "long"]
    assert slow.batches.index(1) <= 3
    assert sum(slow.batches) == 192
    assert slow.most == 1


def limited(asked: Asked, scoring: Scoring) -> MlflowException:
    def ask() -> None:
        ASKED.set(asked)
        scoring.predict(None, pd.DataFrame([LONG]), MANY)

    with pytest.raises(MlflowException) as caught:
        copy_context().run(ask)
    return caught.value


def test_a_request_whose_time_is_up_is_told_so_and_asks_no_more(scoring: Scoring, slow: SlowModel) -> None:
    error = limited(Asked(0.25), scoring)
    assert error.get_http_status_code() == 503
    assert "not done within 0.25 s" in str(error)
    assert 0 < len(slow.batches) <= 4


def test_a_request_waits_for_its_turn_no_longer_than_its_time(scoring: Scoring, slow: SlowModel) -> None:
    with scoring._turns.turn(None):
        assert "not done within 0.01 s" in str(limited(Asked(0.01), scoring))
        left = Asked(60)
        left.leave()
        assert "has left" in str(limited(left, scoring))
    assert slow.batches == []
    scoring.predict(None, pd.DataFrame([SHORT]), {})  # nobody is left in the queue
    assert slow.batches == [1]
