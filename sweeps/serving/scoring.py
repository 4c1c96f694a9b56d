"""A trained model as MLflow has models: a table of recordings in, a list of predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import BAD_REQUEST, TEMPORARILY_UNAVAILABLE
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Map

from after_ray.errors import AfterRayError
from sweeps.serving.fields import HOP, WINDOW
from sweeps.serving.inputs import AUDIO, INPUT, RATE, SAMPLES, BadRequest, windows_of_inputs
from sweeps.serving.turns import ASKED, Stopped, Turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from after_ray.models import Model

FOLDER = "model"  # the name under which a registered model keeps its folder
DEVICE = "device"
OWN = "own_classifier"
BY_MODEL = 0.0  # of a window or a hop: what the model is made for


def signature() -> ModelSignature:
    """What goes in and what comes out, as MLflow shows it."""
    numbers = Array(DataType.double)
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(DataType.string, AUDIO, required=False),
                ColSpec(numbers, SAMPLES, required=False),
                ColSpec(DataType.double, RATE, required=False),  # with gaps where others send audio
            ]
        ),
        outputs=Schema(
            [
                ColSpec(DataType.long, INPUT),
                ColSpec(DataType.double, "start"),
                ColSpec(DataType.double, "end"),
                ColSpec(DataType.string, "label", required=False),
                ColSpec(Map(DataType.double), "probabilities", required=False),
            ]
        ),
        params=ParamSchema(
            [ParamSpec(WINDOW, DataType.double, BY_MODEL), ParamSpec(HOP, DataType.double, BY_MODEL)]
        ),
    )


class Scoring(PythonModel):
    """Loaded by MLflow; requests are scored in batches, which take turns."""

    def load_context(self, context: Any) -> None:
        """Read the folder that the registered model has with it; one with a pickle inside is refused."""
        from after_ray.models import Model

        said = context.model_config
        folder, device, own = Path(context.artifacts[FOLDER]), said.get(DEVICE, "cpu"), said.get(OWN)
        self._model = Model.load(folder, device, own or None)
        self._turns = Turns()

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """A dictionary per window: its `input`, `start` and `end` in seconds, `label`, `probabilities`.

        Raises:
            MlflowException: with one sentence, which the server answers with status 400; with 503 where the
                time of a request is up.
        """
        try:
            return self._predictions(model_input, params or {})
        except Stopped as stopped:
            raise MlflowException(str(stopped), error_code=TEMPORARILY_UNAVAILABLE) from stopped
        except AfterRayError as error:
            raise MlflowException(str(error), error_code=BAD_REQUEST) from error

    def _predictions(self, table: pd.DataFrame, params: dict[str, Any]) -> list[dict[str, Any]]:
        from after_ray.prediction import Refused, Windows
        from after_ray.prediction.predicting import judged

        window, hop = (params.get(name) or None for name in (WINDOW, HOP))
        windows = Windows.for_model(self._model.facts, window, hop)
        rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
        found = windows_of_inputs(rows, windows)
        predictions = []
        for one in judged(_InTurn(self._model, self._turns), found):
            if isinstance(one, Refused):
                raise BadRequest(one.sentence)
            shares = one.probabilities
            named = None if shares is None else dict(zip(self._model.classes, shares.tolist(), strict=True))
            predictions.append(
                {
                    INPUT: int(one.file.name.removeprefix(INPUT)),
                    "start": round(one.start, 4),
                    "end": round(one.end, 4),
                    "label": one.label(self._model.classes),
                    "probabilities": named,
                }
            )
        return predictions


class _InTurn:
    """A model that a request asks when it is its turn, and no longer than somebody waits."""

    def __init__(self, model: Model, turns: Turns) -> None:
        self._model, self._turns, self._asked = model, turns, ASKED.get()

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the model."""
        return self._model.classes

    def log_probabilities(self, waves: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Of the model, of a batch.

        Raises:
            Stopped: when the request is not worth going on with.
        """
        with self._turns.turn(self._asked):
            return self._model.log_probabilities(waves)
