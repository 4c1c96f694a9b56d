"""The `search:` block of a study, and what a chosen study says of the search that it came from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from after_ray.candidate import RungRule
from after_ray.settings import Settings
from sweeps.study.axes import Seed, folds, integers, unique
from sweeps.study.search.space import Parameter, parameter


def _folds(value: Any) -> Any:
    return None if value is None else folds(value)


class Search(Settings):
    """How the best configuration is looked for.

    Attributes:
        space: where each searched setting is drawn from, by its dotted path (as in `--set`).
        algorithm: `optuna` (its tree-structured Parzen estimator) or `random`.
        candidates: different configurations that are drawn.
        scheduler: `asha`, `median` (stopping rule) or `none`; both stop candidates at rungs.
        rungs: `blocks`, one after each (fold, seed), or `ratios`, the reported ones of one block.
        reduction: of `asha`: one in so many goes on at a rung.
        grace: rungs that every candidate passes before one is stopped.
        fold: folds that candidates are compared on; the study's own by default.
        seed: seeds that candidates are compared on, none of them a seed of the study.
        sampling_seed: of the draws of candidates.
        concurrent: candidates that run at once; by default as many as fit.
    """

    space: dict[str, Annotated[Parameter, BeforeValidator(parameter)]]
    algorithm: Literal["optuna", "random"] = "optuna"
    candidates: int = Field(ge=1)
    scheduler: Literal["asha", "median", "none"] = "asha"
    rungs: Literal["blocks", "ratios"] = "blocks"
    reduction: float = Field(default=3.0, gt=1)
    grace: int = Field(default=1, ge=1)
    fold: Annotated[Literal["all", "protocol"] | tuple[Seed, ...] | None, BeforeValidator(_folds)] = None
    seed: Annotated[tuple[Seed, ...], BeforeValidator(integers), Field(min_length=1)]
    sampling_seed: Seed = 0
    concurrent: int | None = Field(default=None, ge=1)

    @field_validator("space")
    @classmethod
    def _names_something(cls, value: dict[str, Parameter]) -> dict[str, Parameter]:
        if not value:
            raise _mistake(
                "the space is empty; name a setting and where it is drawn from, "
                "such as 'classifier.learning_rate: {loguniform: [1e-5, 1e-3]}'"
            )
        return value

    @field_validator("fold", "seed")
    @classmethod
    def _no_repetition(cls, value: Any) -> Any:
        if value == ():
            raise _mistake("the list is empty; name at least one")
        return unique(value) if isinstance(value, tuple) else value

    @property
    def rule(self) -> RungRule:
        """What decides which candidates are stopped."""
        return RungRule(self.rungs, self.scheduler, self.reduction, self.grace)


def _mistake(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("search", "{sentence}", {"sentence": sentence})


class SelectedFrom(Settings):
    """Where the configuration of a study came from; in no key.

    Attributes:
        study: the study with the search.
        candidates: configurations that were tried, of which so many `finished`, were `pruned`, `failed`.
        value: mean validation UA of the chosen one over the folds and `seeds` of the search.
    """

    study: str
    candidates: int
    finished: int
    pruned: int
    failed: int
    value: float
    seeds: tuple[Seed, ...]
