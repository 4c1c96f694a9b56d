"""A launch, as others see it: where it runs, and whether it is heard of."""

from __future__ import annotations

import os
import platform
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A launch: where it runs, since when (for people), and how often it has said that it lives."""

    host: str
    namespace: str  # in which the process has its number
    process: int
    since: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    beats: int = 0

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        return cls(platform.node(), _namespace(), os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S"))

    def is_gone(self) -> bool:
        """Whether it ran on this machine, where there is no such process any more."""
        if (self.host, self.namespace) != (platform.node(), _namespace()):
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # somebody else's
            return False
        return False


def _namespace() -> str:
    """Where numbers of processes count: those of two containers, or two machines, of one name are others."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{os.readlink('/proc/self/ns/pid')} {started}"
    except OSError:  # not on Linux
        return ""
