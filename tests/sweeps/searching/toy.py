"""A study with a search on a made-up corpus: nothing is read but its file, and no trial ever runs."""

from __future__ import annotations

from pathlib import Path

from after_ray.corpora._base import Scan
from after_ray.stages import Stage
from after_ray.store import Draft, Store
from sweeps.planning.opening import OpenStudy
from sweeps.planning.plan import make_plan
from sweeps.searching.book import Book
from sweeps.searching.candidates import Candidate
from sweeps.searching.shared import shared_jobs
from sweeps.study.loading import load_study
from tests.after_ray.splits.toy import dialogs

STUDY = """\
study: small
corpus: {name: synthetic}
classifier: functionals
strategy: entropy
schedule: [20, 40, 60]
ratios: [20, 40]
seed: 0..2
search:
  space:
    classifier.regularization: {loguniform: [1e-3, 1e3]}
    strategy: {choice: [entropy, margin]}
  candidates: 4
  fold: [3, 1]
  seed: [101, 100]
"""


def opened(folder: Path, text: str = STUDY, *overrides: str) -> OpenStudy:
    path = folder / "small.yaml"
    path.write_text(text)
    study = load_study(path, overrides)
    scan = Scan(dialogs(corpus="synthetic"))
    return OpenStudy(
        path, study, (scan,), make_plan(study, [scan.manifest]), Store(folder / "store"), overrides
    )


def book(folder: Path, text: str = STUDY, *overrides: str) -> Book:
    return Book.open(opened(folder, text, *overrides))


def share(drawn: Book) -> None:
    """Records of what all candidates share, as the launch leaves them before the first is tried."""
    for job in shared_jobs(drawn.expander, set()).values():
        record(drawn.store, job.stage)


def record(store: Store, stage: Stage) -> None:
    """A record of a stage that nobody has run."""
    store.commit(Draft(stage.key, stage.kind, {}))


def configuration(regularization: float, strategy: str = "entropy") -> dict[str, object]:
    return {"classifier.regularization": regularization, "strategy": strategy}


def finish(store: Store, candidate: Candidate, *scores: float) -> None:
    """A record as its trial would leave it."""
    assert candidate.key is not None
    store.commit(Draft(candidate.key, "candidate", {}, details={"scores": list(scores)}))
