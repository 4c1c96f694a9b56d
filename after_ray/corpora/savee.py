"""SAVEE, Surrey Audio-Visual Expressed Emotion (Haq and Jackson, Machine Audition, 2010)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile

SPEAKERS = ("DC", "JE", "JK", "KL")
LABELS = {
    "sa": "sad", "su": "surprise", "a": "anger", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral",
}  # fmt: skip
NAME = re.compile(
    rf"((?P<speaker>{'|'.join(SPEAKERS)})_)?(?P<sentence>(?P<emotion>{'|'.join(LABELS)})(0[1-9]|[12]\d|30))"
)


@corpora.register("savee")
class Savee(FolderCorpus):
    """Four men; 300 of the 480 utterances are of the four classes.

    The official `AudioData/DC/a01.wav` and a mirror's flat `ALL/DC_a01.wav` are both `savee/DC_a01`.
    """

    layout = "AudioData/DC/ with files such as a01.wav, or ALL/ with files such as DC_a01.wav (or .flac)"
    scheme = "SAVEE's letters of emotion and number below the speaker's folder (such as DC/a01 or ALL/DC_a01)"
    folder = re.compile(rf"(^|/)({'|'.join(SPEAKERS)}|ALL)$")
    contract = ListedContract("savee")

    def parse(self, path: PurePosixPath) -> Entry:
        """Speaker from the folder or the front of the name; the sentence is numbered within its emotion."""
        match = NAME.fullmatch(path.stem)
        if match is None:
            raise MisnamedFile
        speaker = match["speaker"] or path.parent.name
        if speaker not in SPEAKERS or path.parent.name not in (speaker, "ALL"):
            raise MisnamedFile
        return Entry(
            utterance=f"savee/{speaker}_{match['sentence']}",
            path=str(path),
            speaker=speaker,
            gender="male",
            emotion=LABELS[match["emotion"]],
            sentence=match["sentence"],
        )
