"""`transformers.Trainer` as a researcher sets it up: the other side of the benchmarks of fine-tuning."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from _speech import Reference, padded_to_longest
from numpy.typing import NDArray
from torch import Tensor

from after_ray.ragged import Ragged


class Clips(torch.utils.data.Dataset[dict[str, object]]):
    """Rows of a corpus, in their order."""

    def __init__(self, waves: Ragged, labels: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self._waves, self._labels, self._rows = waves, labels, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, object]:
        row = int(self._rows[index])
        return {"wave": self._waves[row], "label": int(self._labels[row])}


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
    batch = padded_to_longest([item["wave"] for item in items])
    return {**batch, "labels": torch.tensor([item["label"] for item in items])}


def make_trainer(
    model: Reference,
    clips: Clips,
    *,
    batch_size: int,
    device_batch: int,
    learning_rate: float = 1e-4,
    **arguments: Any,
) -> Any:
    """Adam at a constant rate in float32, no clipping, no evaluation, no saving, no reports."""
    from transformers import Trainer, TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    settings = TrainingArguments(
        output_dir=tempfile.gettempdir(),
        per_device_train_batch_size=device_batch,
        gradient_accumulation_steps=batch_size // device_batch,
        **{"num_train_epochs": 1, "use_cpu": True, **arguments},
        learning_rate=learning_rate,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    trainer = Trainer(model=model, args=settings, train_dataset=clips, data_collator=collate)
    trainer.remove_callback(PrinterCallback)  # standard output is for the result
    return trainer
