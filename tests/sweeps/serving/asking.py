"""Requests as clients make them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import soundfile

from tests.after_ray.models.folders import waves


def recording(place: int = 0, form: str = "WAV", rate: int = 16_000) -> str:
    """The bytes of an audio file in base64."""
    file = io.BytesIO()
    soundfile.write(file, np.rint(waves()[place] * 32768).astype(np.int16), rate, format=form)
    return base64.b64encode(file.getvalue()).decode()


def asked(*inputs: dict[str, Any], **params: float) -> dict[str, Any]:
    """The body of a request."""
    return {"dataframe_records": list(inputs), **({"params": params} if params else {})}
