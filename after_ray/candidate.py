"""A candidate of a search: a configuration as the rounds that it is judged by, one rung after another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from after_ray.stages import FirstRoundStage, NextRoundStage, Stage


@dataclass(frozen=True)
class RungRule:
    """What decides which candidates are stopped.

    Attributes:
        rungs: `blocks` of (fold, seed), or `ratios` within one block.
        scheduler: asha, median or none.
        reduction: of asha: one in so many goes on at a rung.
        grace: rungs that every candidate passes.
    """

    rungs: str = "blocks"
    scheduler: str = "none"
    reduction: float = 3.0
    grace: int = 1

    def meaning(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class CandidateStage(Stage):
    """The rounds that a candidate is judged by, in the order of its rungs.

    With rungs of blocks each is the last reported round of one (fold, seed), with rungs of ratios they are
    the reported rounds of one trajectory. The configuration itself is not in the key: what it means is in
    the keys of the rounds.
    """

    kind = "candidate"
    rounds: tuple[FirstRoundStage | NextRoundStage, ...]
    rule: RungRule

    def meaning(self) -> dict[str, Any]:
        """Keys of the rounds in their order, and the rule."""
        return {"rounds": [stage.key for stage in self.rounds], "rule": self.rule.meaning()}

    def needs(self) -> tuple[Stage, ...]:
        """Its rounds."""
        return self.rounds

    def value(self, scores: tuple[float, ...]) -> float:
        """The value after as many rungs as there are scores: the mean over blocks, or the newest ratio's."""
        return scores[-1] if self.rule.rungs == "ratios" else sum(scores) / len(scores)
