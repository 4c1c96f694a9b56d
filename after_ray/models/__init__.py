"""Trained models as folders: written, read, and used to score waveforms."""

from after_ray.models.facts import FACTS_FILE, ModelFacts, Scripted
from after_ray.models.folder import Parts, read_folder, write_model
from after_ray.models.model import Model

__all__ = ["FACTS_FILE", "Model", "ModelFacts", "Parts", "Scripted", "read_folder", "write_model"]
