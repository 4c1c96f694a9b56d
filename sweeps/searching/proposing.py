"""Who proposes the next configuration: Ray Tune's random domains, or Optuna through Ray Tune's searcher."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from sweeps.searching.book import Name
from sweeps.study.search.settings import Search
from sweeps.study.search.space import Configuration, Parameter, label_of

METRIC = "value"
RUNG = "rung"
TRAINING_ITERATION = "training_iteration"
DRAWS = 1000  # in a row that give nothing new before a space counts as drawn out


class Proposer(Protocol):
    """Proposes configurations, and is told how they did."""

    def propose(self, known: Container[str]) -> Configuration | None:
        """A configuration whose label is not known yet; None when none was found in many draws."""

    def told(self, configuration: Configuration, name: Name, values: Sequence[float]) -> None:
        """How a configuration ended, also one of an earlier launch: its value at each rung that it passed."""


def proposer_of(search: Search) -> Proposer:
    """The algorithm that a search names."""
    if search.algorithm == "random":
        return RandomProposer(search.space, search.sampling_seed)
    return OptunaProposer(search.space, search.sampling_seed)


class RandomProposer:
    """Draws every setting from Ray Tune's own domain; the same seed draws the same ones again."""

    def __init__(self, space: Mapping[str, Parameter], seed: int) -> None:
        self._space = space
        self._domains = {path: each.domain() for path, each in space.items()}
        self._generator = np.random.default_rng(seed)

    def propose(self, known: Container[str]) -> Configuration | None:
        """One independent draw of every setting, drawn again while it is known."""
        for _ in range(DRAWS):
            drawn = {path: each.sample(random_state=self._generator) for path, each in self._domains.items()}
            configuration = _decoded(self._space, drawn)
            if label_of(configuration) not in known:
                return configuration
        return None

    def told(self, configuration: Configuration, name: Name, values: Sequence[float]) -> None:
        """Nothing: draws do not depend on results."""


class OptunaProposer:
    """Ray Tune's `OptunaSearch`; a configuration that it did not propose itself is added to what it knows."""

    def __init__(self, space: Mapping[str, Parameter], seed: int) -> None:
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        domains = {path: each.domain() for path, each in space.items()}
        distributions = OptunaSearch.convert_search_space(domains)
        self._optuna = OptunaSearch(space=distributions, metric=METRIC, mode="max", seed=seed)
        self._asked = map(str, itertools.count())
        self._open: dict[str, str] = {}  # label of a configuration -> the name it was asked for under

    def propose(self, known: Container[str]) -> Configuration | None:
        """What Optuna suggests by what it was told; a suggestion that is known is withdrawn."""
        for _ in range(DRAWS):
            asked = next(self._asked)
            configuration = _decoded(self._space, self._optuna.suggest(asked))
            if label_of(configuration) not in known:
                self._open[label_of(configuration)] = asked
                return configuration
            self._optuna.on_trial_complete(asked, None, error=True)
        return None

    def told(self, configuration: Configuration, name: Name, values: Sequence[float]) -> None:
        """Its values, rung by rung, and whether it was finished, pruned or failed."""
        asked = self._open.pop(label_of(configuration), None)
        if asked is None:
            self._add(configuration, name, values)
            return
        for rung, value in enumerate(values):
            self._optuna.on_trial_result(asked, {METRIC: value, TRAINING_ITERATION: rung})
        ended = {METRIC: values[-1]} if name == "finished" else None
        self._optuna.on_trial_complete(asked, ended, error=name == "failed")

    def _add(self, configuration: Configuration, name: Name, values: Sequence[float]) -> None:
        self._optuna.add_evaluated_point(
            {path: self._space[path].encoded(each) for path, each in configuration.items()},
            values[-1] if values else None,
            error=name == "failed",
            pruned=name == "pruned",
            intermediate_values=list(values),
        )


def _decoded(space: Mapping[str, Parameter], drawn: Mapping[str, Any]) -> Configuration:
    return {path: each.decoded(drawn[path]) for path, each in space.items()}
