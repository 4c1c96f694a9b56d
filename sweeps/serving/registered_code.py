"""The code of every registered model: MLflow runs this file, and models bring none of their own."""

from mlflow.models import set_model

from sweeps.serving.scoring import Scoring

set_model(Scoring())
