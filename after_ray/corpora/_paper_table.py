"""Table 1 of the AFTER paper (arXiv 2310.00283) beside what the official releases hold.

The paper prints a total and a ratio anger : neutral : sad : happy for each corpus; the releases do not give
all of them. The reasons were found by counting the releases and the label file published with its code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

ORDER = ("anger", "neutral", "sad", "happy")
PRINTED_TOTAL = 21_793
REACHABLE = 17_084  # all four-class utterances, EMO-DB's fear counted as anger


@dataclass(frozen=True)
class Row:
    """One corpus: what the paper prints, what the released label file has, and why they differ.

    `released` is in the order of `ORDER`; `ratio` is None where the paper gives none.
    """

    corpus: str
    printed: int
    ratio: tuple[float, ...] | None
    released: tuple[int, ...]
    reason: str

    @property
    def implied(self) -> Counter[str]:
        """Utterances per class that the printed total and ratio imply, rounded."""
        if self.ratio is None:
            return Counter()
        whole = sum(self.ratio)
        return Counter(
            {name: round(self.printed * part / whole) for name, part in zip(ORDER, self.ratio, strict=True)}
        )

    def agrees(self, counts: Counter[str]) -> bool:
        """Whether counts give the printed total and, rounded to one decimal, the printed ratio."""
        if counts.total() != self.printed or self.ratio is None:
            return False
        smallest = min((counts[name] for name in ORDER if counts[name]), default=1)
        unit = min(part for part in self.ratio if part)
        return all(
            abs(counts[name] / smallest - part / unit) <= 0.11
            for name, part in zip(ORDER, self.ratio, strict=True)
        )


TABLE_1 = (
    Row(
        "iemocap", 10_038, None, (1103, 1708, 1084, 1636),
        "the paper counts every labelled turn of the release (10,039, less one); 5,531 are of the four "
        "classes",
    ),
    Row(
        "emodb", 408, (3.1, 1.3, 1.0, 1.1), (0, 0, 0, 0),
        "339 utterances are of the four classes; 408 and the ratio fit only if the 69 of fear are counted as "
        "anger (preset paper_table1); the released label file has no EMO-DB at all",
    ),
    Row(
        "shemo", 2737, (5.3, 5.1, 2.2, 1.0), (1058, 1028, 449, 200),
        "agrees; the released label file lacks M02A14 and M55H01; the language is Persian, not English",
    ),
    Row("ravdess", 672, (2, 1, 2, 2), (192, 96, 192, 192), "agrees, and only without calm"),
    Row(
        "emovdb", 3038, (1.4, 1, 0, 0), (1160, 1628, 0, 0),
        "the sorted release has 2,836; the released label file has 2,788 of another, unsorted copy, in which "
        "neutral is 1.4 times anger: the printed ratio looks swapped",
    ),
    Row(
        "cremad", 4900, (1, 1.7, 1, 1), (1271, 1087, 1271, 1271),
        "the total agrees, the ratio does not: neutral is the smallest class (1.17 : 1 : 1.17 : 1.17); one "
        "sad clip of the release (1076_MTI_SAD_XX) is silent and cannot be used",
    ),
)  # fmt: skip


def row_of(corpus: str) -> Row | None:
    """The paper's row of a corpus, if it has one."""
    return next((row for row in TABLE_1 if row.corpus == corpus), None)
