"""Made-up manifests for tests of folds: who speaks where is all that matters."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from after_ray.manifest import Manifest

EMOTIONS = ("anger", "happy", "neutral", "sad")


def rows(
    corpus: str,
    speaker: str,
    gender: str,
    emotions: Iterable[str] = EMOTIONS,
    each: int = 5,
    session: str = "",
) -> list[dict[str, object]]:
    """`each` utterances of one speaker in every emotion."""
    return [
        {
            "utterance": f"{corpus}/{speaker}-{emotion}-{number}",
            "path": f"{speaker}-{emotion}-{number}.wav",
            "speaker": speaker,
            "gender": gender,
            "emotion": emotion,
            "sentence": str(number),
            "session": session,
            "seconds": 1.0,
            "sample_rate": 16000,
            "audio": f"{corpus}{speaker}{emotion}{number}",
        }
        for emotion in emotions
        for number in range(each)
    ]


def dialogs(sessions: int = 5, each: int = 5, corpus: str = "dialogs") -> Manifest:
    """Like IEMOCAP: a woman and a man in every session."""
    table = [
        row
        for session in range(1, sessions + 1)
        for letter, gender in (("F", "female"), ("M", "male"))
        for row in rows(corpus, f"{session}{letter}", gender, each=each, session=str(session))
    ]
    return Manifest(corpus, pd.DataFrame(table))


def merged() -> Manifest:
    """A corpus of dialogs, one of ten speakers, and one of four speakers and two classes."""
    table = dialogs().table.to_dict("records")
    for speaker in range(10):
        table += rows("acted", f"acted/{speaker:02d}", "male" if speaker % 2 else "female")
    for number, name in enumerate("abcd"):
        table += rows("books", f"books/{name}", ("female", "male")[number % 2], ("anger", "neutral"), each=30)
    return Manifest("merged", pd.DataFrame(table))
