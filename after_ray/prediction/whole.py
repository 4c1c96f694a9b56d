"""Whether a recording is all there: libsndfile plays what was cut up to the cut without a word.

What a container says of its own length is compared with what there is. Formats: RF64 (EBU Tech 3306),
Wave64, AIFF, AU, and the Xing header of MP3; of Ogg (RFC 3533) every page has a number and a checksum. A cut
wav, FLAC or CAF is refused where it is opened or decoded.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO

from after_ray.errors import UnreadableAudio

HEAD = 64  # bytes, in which containers tell their lengths
W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
UNKNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # lengths that a writer leaves who cannot go back to them
XING_WITHIN = 256  # bytes behind tags: in the first frame, behind its side information
MP3_FRAME = 1152  # samples
MISSING = 2 * MP3_FRAME  # samples by which whole files may be shorter: decoders begin differently
PAGE_HEADER = 27  # bytes
BEHIND = 1 << 16  # bytes behind the last page that are no damage
TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def refuse_cut(path: Path) -> None:
    """Refuse a file whose container goes on behind its end, or has lost a page.

    Raises:
        UnreadableAudio: saying how much of it is there.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(HEAD)
        if head[:4] == b"OggS":
            _refuse_broken_ogg(path, file)
        announced = _announced(head)
        if announced is not None and size < announced - 1:  # some writers count a padding byte
            raise UnreadableAudio(path, f"corrupt: cut to {size} of {announced} bytes")


def refuse_missing(path: Path, decoded: int, rate: int) -> None:
    """Refuse an MP3 file that gave fewer samples than it promises.

    Args:
        path: of any kind; others promise nothing that was not looked at before.
        decoded: how many samples it gave.
        rate: in Hz, as decoded.

    Raises:
        UnreadableAudio: saying how many are missing.
    """
    with open(path, "rb") as file:
        promised = _of_mp3(file, file.read(10))
    if promised is not None and decoded < promised - MISSING:
        seconds = f"{decoded / rate:.2f} of the {promised / rate:.2f} s"
        raise UnreadableAudio(path, f"corrupt: {seconds} that it promises can be heard")


def _announced(head: bytes) -> int | None:
    """Bytes of the whole file as its header has them; None where it says nothing."""
    kind = head[:4]
    if kind == b"FORM":
        length, more = int.from_bytes(head[4:8], "big"), 8
    elif kind in (b".snd", b"dns."):
        order = "big" if kind == b".snd" else "little"
        more, length = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))  # type: ignore[arg-type]
    elif kind in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        length, more = int.from_bytes(head[20:28], "little"), 8
    elif head.startswith(W64):
        length, more = int.from_bytes(head[16:24], "little"), 0
    else:
        return None
    return None if length in UNKNOWN else length + more


def _of_mp3(file: BinaryIO, head: bytes) -> int | None:
    """Samples by the Xing header; None without one, when nobody knows."""
    tags = 0
    if head[:3] == b"ID3":
        seven = head[6:10]  # bits of each byte
        tags = 10 + sum((byte & 127) << shift for byte, shift in zip(seven, (21, 14, 7, 0), strict=True))
    file.seek(tags)
    first = file.read(XING_WITHIN)
    place = max(first.find(b"Xing"), first.find(b"Info"))
    if len(first) < 4 or first[0] != 0xFF or place < 0 or not first[place + 7] & 1:
        return None
    frames = int.from_bytes(first[place + 8 : place + 12], "big")
    version_1 = first[1] >> 3 & 3 == 3  # others have half as many samples in a frame
    return frames * (MP3_FRAME if version_1 else MP3_FRAME // 2)


def _refuse_broken_ogg(path: Path, file: BinaryIO) -> None:
    """Walk through all pages: a decoder goes from one that is whole to the next, and joins the two."""
    size = os.fstat(file.fileno()).st_size
    place, before = 0, (b"", -1, 0)  # of the page before: its stream, its number, its position in samples
    while place < size:
        file.seek(place)
        head = file.read(PAGE_HEADER)
        if not b"OggS".startswith(head[:4]) and place and size - place <= BEHIND:
            return  # what other programs put behind any file
        lengths = file.read(head[26]) if len(head) == PAGE_HEADER else b""
        end = place + PAGE_HEADER + len(lengths) + sum(lengths)
        if len(head) < PAGE_HEADER or len(lengths) < head[26] or end > size:
            raise UnreadableAudio(path, f"corrupt: cut in the page that begins at byte {place}")
        page = head + lengths + file.read(sum(lengths))
        stream, number = page[14:18], int.from_bytes(page[18:22], "little")
        lost = stream == before[0] and number != before[1] + 1 and before[2]  # not where somebody joined in
        if head[:4] != b"OggS" or lost or _ogg_sum(page) != int.from_bytes(page[22:26], "little"):
            raise UnreadableAudio(path, f"corrupt: damaged at byte {place} of {size}")
        place, before = end, (stream, number, int.from_bytes(page[6:14], "little"))


def _ogg_sum(page: bytes) -> int:
    """The checksum of a page (RFC 3533): zlib's, with the bits of every byte and of the sum turned round."""
    blank = page[:22] + bytes(4) + page[26:]
    turned = zlib.crc32(blank.translate(TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(turned.to_bytes(4, "little").translate(TURNED), "big")
