"""Finds in source code what draws from a global random generator, without running it.

Seen are names as they are imported, whatever they are renamed to. Not seen is what is reached by `getattr`,
and what other people's code does inside: transformers initialises and drops out from torch's default
generator. Dropout has no generator to be given at all; tests that run trajectories watch over both.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NUMPY = frozenset(
    f"numpy.random.{name}"
    for name in (
        *("default_rng", "Generator", "SeedSequence", "BitGenerator"),
        *("PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937"),
    )
)
SEEDED = NUMPY - {f"numpy.random.{name}" for name in ("Generator", "BitGenerator")}  # by their first argument
TORCH_GLOBAL = frozenset(
    f"torch.{place}{name}"
    for place in ("", "random.", "cuda.")
    for name in ("manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state", "set_rng_state_all")
) | {"torch.default_generator", "torch.random.default_generator", "torch.cuda.default_generators"}
TORCH_GLOBAL |= {
    f"{name}.manual_seed" for name in ("torch.default_generator", "torch.random.default_generator")
}
TORCH_DRAWS = frozenset(
    f"torch.{name}"
    for name in (
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"),
        *("bernoulli", "multinomial", "normal", "poisson"),
        *("utils.data.DataLoader", "utils.data.RandomSampler", "utils.data.random_split"),
        *("utils.data.WeightedRandomSampler", "utils.data.SubsetRandomSampler"),
    )
)
INITIALISERS = frozenset(
    f"torch.nn.init.{name}"
    for name in (
        *("uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_"),
        *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"),
    )
)
# Their constructors draw weights; `torch.nn.utils.skip_init` makes them without.
LAYERS = frozenset(
    f"torch.nn.{name}"
    for name in (
        *("Linear", "Bilinear", "Embedding", "EmbeddingBag", "MultiheadAttention"),
        *(f"{kind}{n}d" for kind in ("Conv", "ConvTranspose", "LazyConv") for n in (1, 2, 3)),
        *("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"),
        *("Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"),
    )
)
IN_PLACE = frozenset(
    ("uniform_", "normal_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_")
)
METHODS = {"sample": "random_state", "rvs": "random_state"}  # of data frames; of distributions
FOREIGN = ("sklearn.", "scipy.")  # asked for what they take
DETERMINISTIC = {"sklearn.linear_model.LogisticRegression": ("lbfgs", "newton-cg", "newton-cholesky")}


@dataclass(frozen=True)
class Draw:
    """A place that draws from a global generator, or moves one: the innermost function, and what it names."""

    where: str
    what: str
    line: int


def find_draws(source: str) -> list[Draw]:
    """Every such place in the text of a module, in the order of lines."""
    tree = ast.parse(source)
    finder = _Finder(_imported(tree))
    finder.visit(tree)
    return sorted(finder.found, key=lambda draw: draw.line)


def draws_below(folder: Path) -> Iterator[tuple[str, Draw]]:
    """Path below the parent of `folder`, and place, of everything in its modules."""
    for path in sorted(folder.rglob("*.py")):
        for draw in find_draws(path.read_text(encoding="utf-8")):
            yield path.relative_to(folder.parent).as_posix(), draw


def _imported(tree: ast.AST) -> dict[str, str]:
    """What every imported name stands for, in full; imports inside functions count for the whole module."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return names


class _Finder(ast.NodeVisitor):
    """Walks a module; chains of attributes are looked at as a whole."""

    def __init__(self, names: dict[str, str]) -> None:
        self.found: list[Draw] = []
        self._names = names
        self._functions: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._functions.append(node.name)
        self.generic_visit(node)
        self._functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_import(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._check_import(f"{node.module}.{alias.name}", node)

    def visit_Name(self, node: ast.Name) -> None:
        self._check_name(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if self._full_name(node) is None:
            self.generic_visit(node)  # an attribute of a value, which may hold a call
        else:
            self._check_name(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._full_name(node.func)
        what = (None if name is None else _called(name, node)) or _method(node)
        if what is not None and name not in TORCH_GLOBAL:  # those are seen as names
            self._add(what, node)
        self.generic_visit(node)

    def _check_import(self, name: str, node: ast.AST) -> None:
        if name == "random" or name.startswith("random.") or name.endswith(".*"):
            self._add(name, node)

    def _check_name(self, node: ast.Name | ast.Attribute) -> None:
        """Names that are banned however they are used: called, renamed, handed on."""
        name = self._full_name(node)
        if name is None:
            return
        legacy = name == "numpy.random" or (name.startswith("numpy.random.") and name not in NUMPY)
        if legacy or name in TORCH_GLOBAL:
            self._add(name, node)

    def _full_name(self, node: ast.expr) -> str | None:
        """`np.random.rand` as `numpy.random.rand`; None for what does not begin with an imported name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._names:
            return None
        return ".".join([self._names[node.id], *reversed(parts)])

    def _add(self, what: str, node: ast.AST) -> None:
        where = self._functions[-1] if self._functions else ""
        self.found.append(Draw(where, what, getattr(node, "lineno", 0)))


def _called(name: str, call: ast.Call) -> str | None:
    """The name, if calling it like this draws from a global generator or from the system's entropy."""
    if name in SEEDED:
        seeded = bool(call.args or call.keywords) and not any(map(_is_none, call.args[:1]))
        return None if seeded else name
    if name in TORCH_DRAWS | INITIALISERS:
        return None if _given(call, "generator") else name
    if name in LAYERS:
        return name
    return name if name.startswith(FOREIGN) and _draws_unseeded(name, call) else None


def _method(call: ast.Call) -> str | None:
    """A method that draws, of a value whose kind is not known."""
    if not isinstance(call.func, ast.Attribute):
        return None
    name = call.func.attr
    if name == "seed" and not call.args and not call.keywords:  # of a generator: from the system's entropy
        return ".seed"
    wanted = "generator" if name in IN_PLACE else METHODS.get(name)
    return f".{name}" if wanted is not None and not _given(call, wanted) else None


def _draws_unseeded(name: str, call: ast.Call) -> bool:
    """Whether something of scikit-learn or scipy takes a seed and is given none."""
    solvers = DETERMINISTIC.get(name)
    if solvers is not None:
        chosen = next((word.value for word in call.keywords if word.arg == "solver"), ast.Constant("lbfgs"))
        if isinstance(chosen, ast.Constant) and chosen.value in solvers:
            return False
    seeds = [word for word in ("random_state", "rng") if word in _parameters(name)]
    return bool(seeds) and not any(_given(call, word) for word in seeds)


def _parameters(name: str) -> frozenset[str]:
    """What a callable takes, by its name in full."""
    module, _, attribute = name.rpartition(".")
    try:
        return frozenset(inspect.signature(getattr(importlib.import_module(module), attribute)).parameters)
    except (AttributeError, ImportError, TypeError, ValueError):  # a method of a class, or written in C
        return frozenset()


def _given(call: ast.Call, keyword: str) -> bool:
    """Whether a keyword is there and is not None; `**options` may hold it."""
    return any(
        word.arg is None or (word.arg == keyword and not _is_none(word.value)) for word in call.keywords
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
