"""Nothing that chooses among candidates can see a test number: that code asks for none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import sweeps.searching

ROOT = Path(sweeps.searching.__file__).parents[2]
CHOOSING = [
    *(ROOT / "sweeps" / "searching").glob("*.py"),
    ROOT / "sweeps" / "commands" / "search.py",
    ROOT / "trainables" / "candidate.py",
    ROOT / "after_ray" / "candidate.py",
    ROOT / "after_ray" / "execution" / "candidate.py",
]
OF_ROUNDS = {"arrays", "arrays_if_kept", "measures", "path"}  # where a store keeps what a round found


def constants(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def asked(file: Path) -> Iterator[tuple[str, str]]:
    """Attributes of records that are read, and the key that is asked of each."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            if node.value.attr in {"measures", "details"}:
                yield node.value.attr, ast.literal_eval(node.slice)
        elif isinstance(node, ast.Attribute) and node.attr in OF_ROUNDS - {"measures", "path"}:
            yield node.attr, ""


def test_the_search_asks_records_for_validation_numbers_only() -> None:
    found = {pair for file in CHOOSING for pair in asked(file)}
    assert found == {("measures", "validation_ua"), ("details", "scores")}


def test_the_search_reads_neither_results_nor_predictions() -> None:
    for file in CHOOSING:
        tree = ast.parse(file.read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if name.startswith("analysis")}, file.name
        assert not {"ua", "wa", "macro_f1", "confusion", "predictions.safetensors"} & set(constants(file))
