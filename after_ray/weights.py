"""Weights of networks as arrays by name, which is how they are stored, shared and handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

Weights: TypeAlias = Mapping[str, NDArray[Any]]
