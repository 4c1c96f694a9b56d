"""EmoV-DB, the Emotional Voices Database, sorted version (Adigwe et al., arXiv 1806.09514, 2018)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile

GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}
LABELS = {
    "Amused": "amused", "Angry": "anger", "Disgusted": "disgust", "Neutral": "neutral",
    "Sleepy": "sleepiness",
}  # fmt: skip
FOLDER = re.compile(rf"(^|/)(?P<speaker>{'|'.join(GENDERS)})[/_](?P<style>{'|'.join(LABELS)})$")
# The range of the annotation sheet is written 197_224 in 282 names, and some styles with a capital letter.
NAME = re.compile(r"(amused|anger|disgust|neutral|sleepiness)_\d+[-_]\d+_(?P<sentence>\d{4})", re.IGNORECASE)


@corpora.register("emovdb")
class Emovdb(FolderCorpus):
    """Four speakers of CMU Arctic's sentences; 2836 of the 6893 utterances are angry or neutral.

    The same name occurs in several folders, so an utterance is named by speaker, style and file:
    `emovdb/bea_Angry_anger_1-28_0001`, in both layouts.
    """

    layout = "bea/Angry/ (or bea_Angry/) with files such as anger_1-28_0001.wav (or .flac)"
    scheme = "EmoV-DB's <style>_<from>-<to>_<sentence of four digits> (such as anger_1-28_0001)"
    folder = FOLDER
    contract = ListedContract("emovdb")

    def parse(self, path: PurePosixPath) -> Entry:
        """Speaker and emotion from the folder, the sentence from the last field of the name."""
        match, place = NAME.fullmatch(path.stem), FOLDER.search(str(path.parent))
        if match is None or place is None:
            raise MisnamedFile
        speaker, style = place["speaker"], place["style"]
        return Entry(
            utterance=f"emovdb/{speaker}_{style}_{path.stem}",
            path=str(path),
            speaker=speaker,
            gender=GENDERS[speaker],
            emotion=LABELS[style],
            sentence=match["sentence"],
        )
