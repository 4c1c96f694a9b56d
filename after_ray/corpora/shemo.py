"""ShEMO, the Sharif Emotional Speech Database (Nezami et al., Language Resources and Evaluation, 2019)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile

GENDERS = {"F": "female", "M": "male"}
SPEAKERS = {"F": 31, "M": 56}  # numbered from 1
LABELS = {"A": "anger", "F": "fear", "H": "happy", "N": "neutral", "S": "sad", "W": "surprise"}
# The first F is female, the fourth character F is fear.
NAME = re.compile(r"(?P<speaker>(?P<gender>[FM])(?P<number>\d\d))(?P<emotion>[AFHNSW])\d\d")


@corpora.register("shemo")
class Shemo(FolderCorpus):
    """87 Persian speakers of radio plays; 2737 of the 3000 utterances are of the four classes.

    Labels are those of the file names, which the published counts are of. `shemo.json` is never read: 162 of
    its keys name no file, 162 files have no key, and its labels are counted differently.
    """

    layout = "female/ and male/ with files such as F01A01.wav (or .flac)"
    scheme = "ShEMO's GSSEnn (gender and number of the speaker, letter of emotion, number; such as F01A01)"
    folder = re.compile(r"(^|/)(female|male)$")
    contract = ListedContract("shemo")

    def parse(self, path: PurePosixPath) -> Entry:
        """Speaker, gender and emotion from a name such as `F01A01`; it does not say which sentence it is."""
        match = NAME.fullmatch(path.stem)
        if match is None or not 1 <= int(match["number"]) <= SPEAKERS[match["gender"]]:
            raise MisnamedFile
        return Entry(
            utterance=f"shemo/{path.stem}",
            path=str(path),
            speaker=match["speaker"],
            gender=GENDERS[match["gender"]],
            emotion=LABELS[match["emotion"]],
            sentence="",
        )
