"""Labels to take along: a table that a study reads as its corpus, and every answer as it was given."""

from __future__ import annotations

from pathlib import Path

from after_ray.labelling import Decision
from sweeps.labelling import csv_batch
from sweeps.labelling.opening import OpenLabelling
from sweeps.selections.csv_file import harmless_path, write_csv

COLUMNS = ("path", "speaker", "gender", "emotion", "votes")


def write_labels(path: Path, opened: OpenLabelling) -> int:
    """Write a row for each clip that somebody could tell, for a corpus `csv`; returns how many.

    What was trained on has the label that it was trained on, all else what its answers come to now. Paths are
    those below the root of the recordings, which the study that reads the table has to name.
    """
    table = opened.opened.scans[0].manifest.table.set_index("utterance")
    rows = []
    for utterance, decision in decisions(opened).items():
        if decision.left or utterance not in table.index:
            continue
        clip = table.loc[utterance]
        found = (clip["path"], clip["speaker"], clip["gender"])
        rows.append((*found, decision.emotion, decision.votes))
    write_csv(path, COLUMNS, rows)
    return len(rows)


def write_answers(path: Path, opened: OpenLabelling) -> int:
    """Write a row for each answer that stands, as a batch has them; returns how many."""
    table = opened.opened.scans[0].manifest.table.set_index("utterance")
    rows = []
    for utterance, answers in opened.journal.standing().items():
        if utterance not in table.index:
            continue
        clip = table.loc[utterance]
        audio = harmless_path(str(opened.root / clip["path"]))
        said = ((one.label or "cannot tell", one.annotator) for one in answers.values())
        rows += [(utterance, audio, round(float(str(clip["seconds"])), 2), *each) for each in said]
    write_csv(path, csv_batch.COLUMNS, rows)
    return len(rows)


def decisions(opened: OpenLabelling) -> dict[str, Decision]:
    """By utterance what is decided, in the order in which it was asked."""
    standing = opened.stands()
    found = dict(standing.frozen.decisions)
    asked = () if standing.asked is None else standing.asked.clips
    now = opened.decided(asked)
    return found | {name: one for name, one in now.items() if isinstance(one, Decision)}
