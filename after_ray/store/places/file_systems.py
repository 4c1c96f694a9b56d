"""Which file systems can hold a store: those on which a name is linked at most once, whoever asks."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")  # Linux; elsewhere a link that is tried decides alone
OVERLAY = "fuse.fuse-overlayfs"  # the layers of a container, on a local disk
OF_BUCKETS = ("s3fs", "gcsfuse", "goofys", "mountpoint-s3", "rclone", "blobfuse", "blobfuse2", "geesefs")
_LATE = "it shows a bucket as files and sends them late, so two nodes may both create one"
_LINKLESS = "it has no hard links, by which a record is created only once"
_SHARE = "its links are not sure to be exclusive between machines"
REASONS = {
    **dict.fromkeys(("vfat", "msdos", "exfat"), _LINKLESS),
    **dict.fromkeys(("cifs", "smb3", "smbfs"), _SHARE),
    "fuse.sshfs": "it does not pass links and renames on as one step",
}


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system a path is on, or will be; None where the system does not tell."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = Path(os.path.realpath(path))
    deepest, found = -1, None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        # Of two mounts on one point the later one hides the earlier.
        if len(point.parts) >= deepest and real.is_relative_to(point):
            deepest, found = len(point.parts), after.split(" ")[0]
    return found


def why_unfit(kind: str | None) -> str | None:
    """Why a store cannot lie on this type of file system; None where it can, or where a link must tell."""
    if kind is None or kind == OVERLAY:
        return None
    if kind.startswith("fuse") and kind.partition(".")[2] in OF_BUCKETS:
        return f"its file system is {kind}, and {_LATE} (give the bucket's own address instead)"
    if kind in REASONS:
        return f"its file system is {kind}, and {REASONS[kind]}"
    if kind.startswith("fuse"):
        return f"its file system is {kind}, of which nobody knows whether it creates files exclusively"
    return None


def _unescaped(point: str) -> str:
    """Blanks and backslashes are written as octal numbers there."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), point)
