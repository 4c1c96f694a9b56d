"""EMO-DB, the Berlin Database of Emotional Speech (Burkhardt et al., Interspeech 2005)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile

MALE_SPEAKERS = frozenset({"03", "10", "11", "12", "15"})
FEMALE_SPEAKERS = frozenset({"08", "09", "13", "14", "16"})
# The letters are those of the German words: W is Wut, and A (Angst) is fear, not anger.
LABELS = {
    "A": "fear", "E": "disgust", "F": "happy", "L": "boredom", "N": "neutral", "T": "sad", "W": "anger",
}  # fmt: skip
NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[AEFLNTW])(?P<version>[a-z])")


@corpora.register("emodb")
class Emodb(FolderCorpus):
    """Ten actors, ten sentences; 339 of the 535 utterances are of the four classes."""

    layout = "wav/ with files such as 03a01Fa.wav (or .flac)"
    scheme = "EMO-DB's SSTTTEV (two digits of speaker, text, letter of emotion, version; such as 03a01Fa)"
    folder = re.compile(r"(^|/)wav$")
    contract = ListedContract("emodb")

    def parse(self, path: PurePosixPath) -> Entry:
        """Speaker, sentence and emotion from a name such as `03a01Fa`."""
        match = NAME.fullmatch(path.stem)
        if match is None or match["speaker"] not in MALE_SPEAKERS | FEMALE_SPEAKERS:
            raise MisnamedFile
        return Entry(
            utterance=f"emodb/{path.stem}",
            path=str(path),
            speaker=match["speaker"],
            gender="male" if match["speaker"] in MALE_SPEAKERS else "female",
            emotion=LABELS[match["emotion"]],
            sentence=match["sentence"],
        )
