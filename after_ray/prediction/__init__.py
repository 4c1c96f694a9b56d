"""Predicting with a trained model: recordings of any length and format to probabilities, many at a time."""

from after_ray.prediction.device import known_device
from after_ray.prediction.finding import Found, find
from after_ray.prediction.predicting import Classes, Prediction, Refused, predict
from after_ray.prediction.windows import Windows

__all__ = ["Classes", "Found", "Prediction", "Refused", "Windows", "find", "known_device", "predict"]
