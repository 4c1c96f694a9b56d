"""What the paper prints, and where a study's own numbers may stand beside it: same corpus, same weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from analysis.families import NEUTRAL
from analysis.paper.board import Board, Point
from analysis.study import CorpusInfo
from analysis.tables import Metric

FILE = Path(__file__).with_name("published.yaml")
WITHOUT_BACKBONE = frozenset({"glam", "lssed", "light_sernet", "rh_emo"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Number(_Frozen):
    """UA and WA of one row of one table, in percent.

    Attributes:
        strategy: `none` where the paper trains on all labels at once.
        initialization: any where it is None, as of a run without a choice of the first labels.
    """

    table: Literal["table2", "table3", "table4"]
    corpus: str
    method: str
    percent: float
    ua: float
    wa: float
    strategy: str
    adaptation: str = "none"
    initialization: str | None = None

    def is_of(self, corpus: str, point: Point) -> bool:
        """Whether it is the paper's number for a point; methods may name their backbone behind a slash."""
        family = point.family
        return (
            self.corpus == corpus
            and self.method == family.method.partition("/")[0]
            and self.percent == point.percent
            and self.adaptation == family.adaptation
            and self.strategy == family.strategy
            and self.initialization in (None, family.initialization)
            and all(getattr(family, axis) == value for axis, value in NEUTRAL.items())
        )


class Published(_Frozen):
    """All printed numbers, and what a study must have to be compared with them.

    Attributes:
        tolerance: percentage points that a mean of other runs may differ by.
        backbones: beginnings of the names of the paper's weights.
        backbones_of: those of methods that are built on other weights.
        corpora: by a study's name, the members and how many utterances each must have, if known.
        alias: the paper's name of a corpus that studies call otherwise.
        utterances: counts of Table 1.
    """

    source: str
    tolerance: float
    backbones: tuple[str, ...]
    backbones_of: dict[str, tuple[str, ...]]
    corpora: dict[str, dict[str, int | None]]
    alias: dict[str, str]
    utterances: dict[str, int]
    numbers: tuple[Number, ...]

    def is_papers_corpus(self, name: str, info: CorpusInfo) -> bool:
        """Whether a corpus is one of the paper's: members, counts, held-out speakers, no altered copy."""
        wanted = self.corpora.get(name)
        if info.test_shares_speakers:
            return False
        if wanted is None or info.copy.level == "altered" or set(info.counts) != set(wanted):
            return False
        return all(count in (None, sum(info.counts[member].values())) for member, count in wanted.items())

    def comparable(self, board: Board, corpus: str) -> bool:
        """Whether a study may be compared with the paper on a corpus at all: never with random weights."""
        return board.study.weights_are == "pretrained" and self.is_papers_corpus(
            corpus, board.study.corpus(corpus)
        )

    def number(self, board: Board, table: str, point: Point | None, metric: Metric) -> float | None:
        """What the paper prints for a point, as a share; None where there is nothing to compare."""
        if point is None or not self.comparable(board, point.family.corpus):
            return None
        if not self._papers_weights(board, point):
            return None
        corpus = self.alias.get(point.family.corpus, point.family.corpus)
        found = (one for one in self.numbers if one.table == table and one.is_of(corpus, point))
        return next((getattr(one, metric) / 100 for one in found), None)

    def outside(self, ours: float, papers: float) -> bool:
        """Whether a difference of two shares is more than the tolerance."""
        return abs(100 * (ours - papers)) > self.tolerance + 1e-9

    def _papers_weights(self, board: Board, point: Point) -> bool:
        cells = board.cells(point)
        method, _, own = point.family.method.partition("/")
        if not cells.empty and method in WITHOUT_BACKBONE:
            return True
        names = [own] if own else [Path(name).name for name in board.study.backbones]
        allowed = self.backbones_of.get(method, self.backbones)
        named = bool(names) and all(name.startswith(allowed) for name in names)
        return named and not cells.empty and bool(cells["pretrained"].all())


@cache
def published() -> Published:
    """The numbers of `published.yaml`, read once."""
    return Published.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
