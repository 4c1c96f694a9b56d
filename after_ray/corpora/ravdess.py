"""RAVDESS, audio-only speech (Livingstone and Russo, PLoS ONE 13(5), 2018)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile, UnusedFile

# Calm is not among the four classes: only so are there the 672 utterances, 2 : 1 : 2 : 2, of the paper.
LABELS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "anger", "06": "fear", "07": "disgust", "08": "surprise",
}  # fmt: skip
SONG = "02"
NAME = re.compile(
    r"03-(?P<channel>01|02)-(?P<emotion>0[1-8])-0[12]-(?P<sentence>0[12])-0[12]-"
    r"(?P<actor>0[1-9]|1\d|2[0-4])"
)


@corpora.register("ravdess")
class Ravdess(FolderCorpus):
    """24 actors, two sentences; 672 of the 1440 spoken utterances are of the four classes."""

    layout = "Actor_01/ to Actor_24/ with files such as 03-01-05-01-01-01-01.wav (or .flac)"
    scheme = "RAVDESS' seven fields of two digits for audio-only files (such as 03-01-05-01-01-01-01)"
    folder = re.compile(r"(^|/)Actor_\d\d$")
    contract = ListedContract("ravdess")

    def parse(self, path: PurePosixPath) -> Entry:
        """Actor, sentence and emotion from the seven fields; songs are not used."""
        match = NAME.fullmatch(path.stem)
        if match is None:
            raise MisnamedFile
        if match["channel"] == SONG:
            raise UnusedFile("song")
        return Entry(
            utterance=f"ravdess/{path.stem}",
            path=str(path),
            speaker=match["actor"],
            gender="male" if int(match["actor"]) % 2 else "female",
            emotion=LABELS[match["emotion"]],
            sentence=match["sentence"],
        )
