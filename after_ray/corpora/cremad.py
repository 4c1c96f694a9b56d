"""CREMA-D, by intended emotion (Cao et al., IEEE Trans. Affective Computing 5(4), 2014)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from after_ray.corpora._base import Entry, corpora
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus, MisnamedFile

ACTORS = range(1001, 1092)
# Sex of the actors from the corpus' VideoDemographics.csv, which many copies lack; the other 48 are men.
FEMALE_ACTORS = frozenset({
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
})  # fmt: skip
SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
NAME = re.compile(
    rf"(?P<actor>\d{{4}})_(?P<sentence>{'|'.join(SENTENCES)})_(?P<emotion>{'|'.join(LABELS)})_(LO|MD|HI|XX)"
)
# Circulating copies cut the official name of one file.
OFFICIAL_NAMES = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}


@corpora.register("cremad")
class Cremad(FolderCorpus):
    """91 actors, twelve sentences; 4900 of the 7442 utterances are of the four classes, one is silent."""

    layout = "AudioWAV/ with files such as 1001_DFA_ANG_XX.wav (or .flac)"
    scheme = "CREMA-D's actor, sentence, emotion and level (such as 1001_DFA_ANG_XX)"
    folder = re.compile(r"(^|/)AudioWAV$")
    contract = ListedContract("cremad")
    unusable_as_released = frozenset({"cremad/1076_MTI_SAD_XX"})  # 41108 samples, all of them zero

    def parse(self, path: PurePosixPath) -> Entry:
        """Actor, sentence and emotion from a name such as `1001_DFA_ANG_XX`."""
        name = OFFICIAL_NAMES.get(path.stem, path.stem)
        match = NAME.fullmatch(name)
        if match is None or int(match["actor"]) not in ACTORS:
            raise MisnamedFile
        return Entry(
            utterance=f"cremad/{name}",
            path=str(path),
            speaker=match["actor"],
            gender="female" if int(match["actor"]) in FEMALE_ACTORS else "male",
            emotion=LABELS[match["emotion"]],
            sentence=match["sentence"],
        )
