"""Names of what is in MLflow: the tags that the mirror itself reads, and a study's experiment."""

from __future__ import annotations

KEY = "after_ray.key"
STUDY = "after_ray.study"
KIND = "after_ray.kind"  # study, trajectory, summary, or what a `MirroredRun` says
MIRRORED = (
    "after_ray.mirrored"  # digest of what the run holds; it does once it is FINISHED, or so many rounds of it
)
FORMAT = "after_ray.format"  # of what a run holds; written with `MIRRORED`
CURRENT = "after_ray.current"  # "false" once the study has another trajectory in the same place
RESTS_ON = "after_ray.rests_on"  # how many results the values of a run rest on that may still change
STEP = "after_ray.step"
PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"
NOTE = "mlflow.note.content"


def experiment_name(study: str) -> str:
    """The experiment of a study: one each, so that its page shows that study's runs and nothing else."""
    return f"after-ray/{study}"


def query_of(study: str, kind: str) -> str:
    """The search that finds the runs of one kind."""
    return f"tags.`{STUDY}` = '{study}' and tags.`{KIND}` = '{kind}'"
