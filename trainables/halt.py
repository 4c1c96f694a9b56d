"""The file that tells the trials of a launch, on whatever node, to begin nothing any more."""

from __future__ import annotations

from after_ray.store.places import file_of


class Halt:
    """A file of a folder or bucket that all nodes see; there is none until the launch is to end.

    Args:
        address: of the file: an absolute path, or scheme://...
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._place, self._name = file_of(address)

    @property
    def given(self) -> bool:
        """Whether the file is there."""
        return self._place.size(self._name) is not None

    def give(self) -> None:
        """Make it.

        Raises:
            OSError: when it cannot be written: trials then end by themselves.
        """
        self._place.write(self._name, b"")
