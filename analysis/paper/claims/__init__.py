"""The paper's claims one by one (`analysis/claims.yaml`), and the walk that answers them from a study."""

from analysis.paper.claims.declared import Claims, PaperClaim, declared
from analysis.paper.claims.verdicts import Answer, Number, Verdict
from analysis.paper.claims.walk import answers, walk, walk_files, walk_frame, walk_table

__all__ = [
    "Answer",
    "Claims",
    "Number",
    "PaperClaim",
    "Verdict",
    "answers",
    "declared",
    "walk",
    "walk_files",
    "walk_frame",
    "walk_table",
]
