"""A trained model as MLflow has models: a table of recordings in, a list of predictions out."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Map

from after_ray.errors import AfterRayError
from sweeps.serving.inputs import AUDIO, INPUT, RATE, SAMPLES, BadRequest, windows_of_inputs

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
            [ParamSpec("window", DataType.double, BY_MODEL), ParamSpec("hop", DataType.double, BY_MODEL)]
        ),
    )


class Scoring(PythonModel):
    """Loaded by MLflow; requests are scored one after the other, each in batches."""

    def load_context(self, context: Any) -> None:
        """Read the folder that the registered model has with it; one with a pickle inside is refused."""
        from after_ray.models import Model

        said = context.model_config
        folder, device, own = Path(context.artifacts[FOLDER]), said.get(DEVICE, "cpu"), said.get(OWN)
        self._model = Model.load(folder, device, own or None)
        self._alone = Lock()

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """A dictionary per window: its `input`, `start` and `end` in seconds, `label`, `probabilities`.

        Raises:
            MlflowException: with one sentence, which the server answers with status 400.
        """
        try:
            with self._alone:
                return self._predictions(model_input, params or {})
        except AfterRayError as error:
            raise MlflowException(str(error), error_code=BAD_REQUEST) from error

    def _predictions(self, table: pd.DataFrame, params: dict[str, Any]) -> list[dict[str, Any]]:
        from after_ray.prediction import Refused, Windows
        from after_ray.prediction.predicting import judged

        window, hop = (params.get(name) or None for name in ("window", "hop"))
        windows = Windows.for_model(self._model.facts, window, hop)
        rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
        found = windows_of_inputs(rows, windows)
        predictions = []
        for one in judged(self._model, found):
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
