"""Models as TorchScript with their features inside: samples in, probabilities out."""

from after_ray.models.scripted.writing import SCRIPT_FILE, can_be_scripted, write_scripted

__all__ = ["SCRIPT_FILE", "can_be_scripted", "write_scripted"]
