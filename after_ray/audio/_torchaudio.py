"""torchaudio, also where its compiled extension cannot load.

The newest torchaudio wheel links CUDA libraries; beside a CPU-only torch `import torchaudio` raises
OSError, and the broken import takes `transformers`' wav2vec 2.0 down with it. Its transforms are plain
Python, so a stand-in for the extension loader lets them work. Import torchaudio from here, and import this
module before `transformers`:

    from after_ray.audio._torchaudio import torchaudio
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


def _load() -> Any:
    try:
        return importlib.import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _stand_in()
        return importlib.import_module("torchaudio")


def _stand_in() -> types.ModuleType:
    """A module with the attributes that torchaudio's Python parts look up in its extension loader."""
    module = types.ModuleType("torchaudio._extension")

    def unavailable(function: Any) -> Any:
        return function

    def no_check() -> None:
        return None

    contents = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_check_cuda_version": no_check,
        "fail_if_no_align": unavailable,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module


torchaudio: Any = _load()
for _name in ("functional", "transforms"):
    importlib.import_module(f"torchaudio.{_name}")
