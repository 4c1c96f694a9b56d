"""Errors about what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from after_ray.errors._base import AfterRayError
from after_ray.wording import first_of


class DamagedStore(AfterRayError):
    """A stored file that is missing or whose digest is wrong."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(
            f"Stored file {path} cannot be used: {reason}. "
            "Run the study again: 'after-ray run' computes anew what is gone or cut; remove a file first "
            "that has the right size and other bits."
        )


class DamagedRecord(DamagedStore):
    """A record that is none: half written, or changed since."""

    def __init__(self, path: Path | str, reason: str) -> None:
        AfterRayError.__init__(
            self,
            f"The record {path} is damaged ({reason}); 'after-ray run' sets it aside and computes its stage "
            "again.",
        )


class UnwritableCheckpoint(AfterRayError):
    """The state of an unfinished training that cannot be written; it takes `size` bytes."""

    def __init__(self, folder: Path | str, reason: str, size: int = 0) -> None:
        self.size = size
        super().__init__(
            f"A checkpoint cannot be written to {folder} ({reason}); it needs about four times the weights "
            "that are trained. Free room there, or let resources.checkpoint_seconds be longer than a round, "
            "and run the study again."
        )


class WrongChecksum(AfterRayError):
    """Files whose bytes are not those of the official release."""

    def __init__(self, corpus: str, wrong: Sequence[str], checked: int) -> None:
        super().__init__(
            f"{len(wrong)} of {checked} files of '{corpus}' have another SHA-256 than the official ones "
            f"({first_of(wrong)}); fetch them again (only the original wav files can agree, never a "
            "conversion)."
        )

    @classmethod
    def unknown(cls, corpus: str) -> AfterRayError:
        """For a corpus without published checksums."""
        return AfterRayError(
            f"No checksums are published for the corpus '{corpus}'; allowed: cremad. Leave --checksums out: "
            "names, counts and lengths are compared anyway."
        )
