"""Fingerprints of a corpus, kept between runs: audio that did not change is not decoded again."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from after_ray.audio.fingerprint import VERSION, Words, fingerprint
from after_ray.corpora._base import Corpus
from after_ray.errors import ChangedAudio
from after_ray.files import write_atomic
from after_ray.manifest import Manifest

Progress = Callable[[int, int], None]


def fingerprints(
    corpus: Corpus, manifest: Manifest, folder: Path, progress: Progress | None = None
) -> dict[str, Words]:
    """The words of every utterance of a corpus, by the digest of its audio.

    One utterance is in memory at a time. What was learnt is kept in one file per copy of a corpus, also when
    this is interrupted.

    Args:
        corpus: reads the audio.
        manifest: says which utterances, and what their audio is.
        folder: where the file is kept.
        progress: called with (utterances done, utterances to do), where there is anything to do.

    Raises:
        ChangedAudio: when an utterance no longer sounds as the manifest says.
        UnreadableAudio: when it can no longer be read.
    """
    file = fingerprint_file(corpus, manifest, folder)
    known = _read(file)
    distinct = manifest.table.loc[~manifest.table["audio"].isin(known)].drop_duplicates("audio")
    try:
        rows = distinct.loc[:, ["utterance", "path", "audio"]].itertuples(index=False)
        for done, (utterance, path, audio) in enumerate(rows, start=1):
            known[audio] = _listen(corpus, utterance, path, audio)
            if progress is not None:
                progress(done, len(distinct))
    finally:
        if len(distinct) and known:
            _write(file, known)
    return {audio: known[audio] for audio in manifest.table["audio"]}


def fingerprint_file(corpus: Corpus, manifest: Manifest, folder: Path) -> Path:
    """Where the fingerprints of one copy of a corpus are kept."""
    copy = hashlib.sha256(corpus.place().encode()).hexdigest()[:12]
    return folder / f"{manifest.corpus}-{copy}.fingerprints.npz"


def _listen(corpus: Corpus, utterance: str, path: str, audio: str) -> Words:
    from after_ray.corpora.prepared import to_16_khz  # brings torch, which known audio does not need

    wave = corpus.read(path)
    if wave.digest != audio:
        raise ChangedAudio(utterance, path)
    return fingerprint(to_16_khz(wave))


def _write(file: Path, known: dict[str, Words]) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        version=np.int64(VERSION),
        digests=np.array(list(known), dtype="S64"),
        lengths=np.array([len(words) for words in known.values()], dtype=np.int64),
        words=np.concatenate([np.zeros(0, np.uint32), *known.values()]),
    )
    write_atomic(file, buffer.getvalue())


def _read(file: Path) -> dict[str, Words]:
    """What an earlier run learnt; nothing of a file that is not there, damaged or of another version."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            version, digests, lengths, words = (
                kept[name] for name in ("version", "digests", "lengths", "words")
            )
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    ends = np.cumsum(lengths)
    if version != VERSION or len(digests) != len(lengths) or lengths.sum() != len(words):
        return {}
    places = zip(digests.tolist(), ends - lengths, ends, strict=True)
    return {digest.decode(): words[begin:end] for digest, begin, end in places}
