"""What is told of an error that ended a trial, and of where a result was made."""

from __future__ import annotations

import torch

from after_ray.environment import Execution, describe, sentence_of
from after_ray.errors import BadValue

TORCHS = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.02 "
    "GiB is free. Process 1 has 14.73 GiB memory in use. If reserved but unallocated memory is large try "
    "setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)


def test_a_full_gpu_is_told_with_its_numbers_and_what_to_do() -> None:
    told = sentence_of(torch.OutOfMemoryError(TORCHS))
    assert "Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB" in told
    assert "lower max_seconds of the classifier or batch_seconds of the adaptation" in told
    assert "PYTORCH_ALLOC_CONF" not in told


def test_other_errors_keep_their_words() -> None:
    assert sentence_of(BadValue("size", 3, "up to 2")) == "Bad size: 3; allowed: up to 2."
    assert sentence_of(KeyError("x")) == "KeyError: 'x'"


def test_a_result_says_by_which_build_of_torch_it_was_made() -> None:
    told = describe(Execution("store", "cache"))
    assert told["torch_build"] == torch.__version__
