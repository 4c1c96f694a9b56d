"""IEMOCAP without its recordings: trees in its layout, of noise, with made-up labels and true counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from after_ray.corpora.iemocap import BY_SPEAKER
from tests.after_ray.corpora.trees import wav

CODES = ("ang", "neu", "sad", "hap", "exc", "dis", "fea", "fru", "oth", "sur", "xxx")
COUNTED_CODES = CODES[:5]  # the columns of BY_SPEAKER
IMPROVISED = "Ses01F_impro01", "Ses02M_impro05a"
SCRIPTED = "Ses01M_script01_2", "Ses02F_script01_1b"
DIALOGS = (*IMPROVISED, *SCRIPTED)
WITHOUT_AUDIO = "Ses02F_script01_1b_F000"  # labelled `ang`
WITHOUT_LABEL = "Ses01F_impro01_M099"
HEAD = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


def four_dialogs() -> dict[str, str]:
    """Code of every turn: two sessions, two dialogs each, both speakers in every dialog, all eleven codes."""
    return {
        f"{dialog}_{letter}{number:03}": code
        for dialog in DIALOGS
        for letter in "FM"
        for number, code in enumerate(CODES)
    }


def whole() -> dict[str, str]:
    """Code of 5531 turns: the published counts per speaker and label, spread over 30 dialogs per session."""
    return {name: code for speaker in BY_SPEAKER for name, code in _turns_of(speaker)}


def _turns_of(speaker: str) -> Iterator[tuple[str, str]]:
    session, letter = speaker
    codes = [code for code, n in zip(COUNTED_CODES, BY_SPEAKER[speaker], strict=True) for _ in range(n)]
    for number, code in enumerate(codes):
        dialog = f"impro{number % 15:02}" if number % 2 else f"script{number % 15:02}_1"
        yield f"Ses0{session}{'MF'[number % 3 == 0]}_{dialog}_{letter}{number:03}", code


def plant_iemocap(root: Path, turns: Mapping[str, str], silent: Iterable[str] = ()) -> Path:
    """Write label files and audio (none for the `silent` turns) below `root`; returns `root`."""
    dialogs: defaultdict[str, list[str]] = defaultdict(list)
    for name in turns:
        dialogs[name.rsplit("_", 1)[0]].append(name)
    missing, number = set(silent), 0
    for dialog, names in dialogs.items():
        label_file(root, dialog).parent.mkdir(parents=True, exist_ok=True)
        label_file(root, dialog).write_text(HEAD + "".join(block(name, turns[name]) for name in names))
        audio(root, names[0]).parent.mkdir(parents=True, exist_ok=True)
        for name in names:
            number += 1
            if name not in missing:
                audio(root, name).write_bytes(wav(number))
    return root


def four_dialogs_with_traps(root: Path) -> Path:
    """The four dialogs with all that is odd in the release: forks, sub-folders, missing audio and labels."""
    plant_iemocap(root, four_dialogs(), silent=[WITHOUT_AUDIO])
    audio(root, WITHOUT_LABEL).write_bytes(wav(2000))
    labels = label_file(root, IMPROVISED[0])
    other = block("Ses01F_impro01_F000", "sad")
    (labels.parent / "Categorical").mkdir()
    (labels.parent / "Categorical" / "Ses01F_impro01_e2_cat.txt").write_text(other)
    (labels.parent / f"._{labels.name}").write_bytes(b"\x00\x05\x16\x07\n" + other.encode())
    fork = audio(root, "Ses01F_impro01_F000")
    (fork.parent / f"._{fork.name}").write_bytes(b"\x00\x05\x16\x07")
    windows = labels.read_bytes().replace(b"]\n", b"]  \r\n").replace(b"\tneu\t[", b"\tneu \t[")
    labels.write_bytes(windows + b"C-E4:\tNeutral;\t(na\xefve \x85[sic])\r\n")
    for below in ("transcriptions/Ses01F_impro01.txt", "wav/Ses01F_impro01.wav"):
        file = root / "Session1" / "dialog" / below
        file.parent.mkdir()
        file.write_bytes(b"Ses01F_impro01_MXX0 [6.29-8.23]: Hm.\n")
    return root


def block(name: str, code: str) -> str:
    """The lines of one turn; the annotators disagree with the majority's code."""
    turn = f"[6.2901 - 8.2357]\t{name}\t{code}\t[2.5000, 2.5000, 2.5000]\n"
    return f"{turn}C-E2:\tSadness;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"


def label_file(root: Path, dialog: str) -> Path:
    return root / f"Session{dialog[4]}" / "dialog" / "EmoEvaluation" / f"{dialog}.txt"


def audio(root: Path, name: str) -> Path:
    return root / f"Session{name[4]}" / "sentences" / "wav" / name.rsplit("_", 1)[0] / f"{name}.wav"
