"""A folder of somebody's own audio, without labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from after_ray.corpora._base import Entry, Listing, corpora
from after_ray.corpora._csv_table import CONTROL_CHARACTER
from after_ray.corpora._files import ANOTHER_FORMAT, SUFFIXES, FilesCorpus, files_below
from after_ray.corpora._settings import UnlabelledSettings
from after_ray.errors import MissingCorpus

# What is speech in another format, and not a readme or a table that lies beside it.
OTHER_AUDIO = frozenset(
    {
        *(".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".m4a"),
        *(".mp3", ".mp4", ".oga", ".ogg", ".opus", ".sph", ".webm", ".wma"),
    }
)


@corpora.register("unlabelled")
class Unlabelled(FilesCorpus):
    """Every wav and flac file below the root, at any depth; no utterance has an emotion."""

    settings: UnlabelledSettings

    def __init__(self, settings: UnlabelledSettings) -> None:
        super().__init__(settings, Path(settings.root))

    def listing(self) -> Listing:
        """All audio files in the order of their paths; others are counted by their suffix."""
        entries: dict[str, Entry] = {}
        problems: list[tuple[str, str]] = []
        ignored: Counter[str] = Counter()
        for path in map(PurePosixPath, sorted(files_below(self.root))):
            suffix = path.suffix.lower()
            if suffix not in OTHER_AUDIO.union(SUFFIXES):
                ignored[suffix or "no suffix"] += 1
            elif fault := self._fault(path, entries):
                problems.append((str(path), fault))
            else:
                entries[self.utterance(str(path))] = self._entry(path)
        if not entries and not problems:
            raise MissingCorpus(
                self.settings.title, self.root, f"audio files ({' or '.join(SUFFIXES)}) at any depth"
            )
        return Listing(tuple(entries.values()), tuple(problems), ignored)

    def _fault(self, path: PurePosixPath, entries: dict[str, Entry]) -> str:
        """Why a file cannot be an utterance; empty when it can."""
        if not _is_utf8(str(path)):
            return "its name is not UTF-8 and cannot be written into a manifest; rename it"
        if CONTROL_CHARACTER.search(str(path)):
            return "its name has a control character or line break; rename it"
        if path.suffix.lower() in OTHER_AUDIO:
            return ANOTHER_FORMAT
        twin = entries.get(self.utterance(str(path)))
        if twin is not None:
            return f"only its suffix tells it from {twin.path}; keep one of them"
        return ""

    def _entry(self, path: PurePosixPath) -> Entry:
        own = str(path.with_suffix(""))
        by_folder = self.settings.speaker == "folder" and len(path.parts) > 1
        return Entry(
            utterance=self.utterance(str(path)),
            path=str(path),
            speaker=path.parts[0] if by_folder else own,
            gender="",
            emotion="",
            sentence="",
        )


def _is_utf8(name: str) -> bool:
    """Whether a name from the file system is text; bytes that are none become surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
