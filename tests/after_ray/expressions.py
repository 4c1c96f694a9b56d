"""Every strategy there is, as a study would name it; those over another one go over one of each kind."""

from __future__ import annotations

from after_ray.acquisition import Wrapper, strategies

WRAPPED = ("entropy", "margin", "random")
_WRAPPERS = [name for name in strategies.names() if issubclass(strategies.resolve(name), Wrapper)]
# A new file in acquisition/ is tested by being there.
EXPRESSIONS = [
    *(name for name in strategies.names() if name not in _WRAPPERS),
    *(f"{name}({over})" for name in _WRAPPERS for over in WRAPPED),
    "replay(entropy)",  # which need not go over another one
]
