"""AFTER: everything that happens inside one trial. Imports neither Ray nor MLflow."""

import os

__version__ = "0.1.0"

# With AMX, oneDNN is wrong in bf16 (pytorch/pytorch#169688, uxlfoundation/oneDNN#5717); it reads this once.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")
