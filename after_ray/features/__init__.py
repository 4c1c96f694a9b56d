"""Features: what classifiers see of an utterance, computed once per corpus; one kind per file."""

from after_ray.features._base import Extractor, extractors

__all__ = ["Extractor", "extractors"]
