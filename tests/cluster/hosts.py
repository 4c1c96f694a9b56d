"""Test hosts on this machine: each its own network, processes, name, home and sshd, as `ray up` wants them.

A network namespace holds the switch, one more each host; their addresses exist nowhere else, so nothing of
this reaches the machine's own network. The file system is the machine's own, but for a host's home,
`/tmp/ray` and `/dev/shm`: a folder below it is storage that all hosts share.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HOME = "/srv/home"
NETWORK = "10.77.0"

SSHD = """\
Port 22
ListenAddress {address}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
AcceptEnv *
Subsystem sftp internal-sftp
"""

# A host ends with the process of the test, however that ends.
ENTER = "ip netns exec {net} setpriv --pdeathsig KILL unshare -m -p -u -f --mount-proc --kill-child"

# The first process of a host: it mounts what is its own, starts sshd and reaps what is left behind.
START = """\
set -eu
mount --make-rprivate /
hostname {name}
mount -t tmpfs -o size=512m tmpfs /dev/shm
mkdir -p {folder}/home {folder}/ray {folder}/sshd /tmp/ray /run/sshd
mount -t tmpfs tmpfs /srv
mkdir {home}
mount --bind {folder}/home {home}
mount --bind {folder}/ray /tmp/ray
sed 's#^root:.*#root:x:0:0:root:{home}:/bin/bash#' /etc/passwd > {folder}/passwd
mount --bind {folder}/passwd /etc/passwd
{sshd} -D -e -f {folder}/sshd_config 2> {folder}/sshd.log &
touch {folder}/ready
while :; do wait -n || true; sleep 0.2; done
"""


class Host:
    """One host: its name, its address, and its first process while it lives."""

    def __init__(self, lan: Lan, number: int, name: str) -> None:
        self.name, self.address = name, f"{NETWORK}.{10 + number}"
        self.folder = lan.folder / name
        self._lan, self._net = lan, f"{lan.name}-{number}"
        self._link = f"{lan.name}{number}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Lay its cable, write its files, start it."""
        switch = self._lan.name
        ip(f"netns add {self._net}")
        ip(f"-n {switch} link add {self._link} type veth peer name eth0 netns {self._net}")
        ip(f"-n {switch} link set {self._link} master switch up")
        ip(f"-n {self._net} link set lo up")
        ip(f"-n {self._net} link set eth0 up")
        ip(f"-n {self._net} addr add {self.address}/24 dev eth0")
        # Ray takes the address that a packet to the outside would leave from.
        ip(f"-n {self._net} route add default dev eth0 src {self.address}")
        self._write_files()
        values = {"name": self.name, "folder": self.folder, "home": HOME, "sshd": shutil.which("sshd")}
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*shlex.split(ENTER.format(net=self._net)), "bash", "-c", START.format(**values)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 20
        while not (self.folder / "ready").exists():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, f"{self.name} did not start"
            time.sleep(0.05)

    def _write_files(self) -> None:
        home = self.folder / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        shutil.copy(self._lan.key, home / ".ssh/id_ed25519")
        (home / ".ssh/config").write_text("StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
        exports = "".join(f"export {name}={shlex.quote(v)}\n" for name, v in self._lan.environment.items())
        (home / ".bashrc").write_text(exports)
        (home / ".profile").write_text("[ -f ~/.bashrc ] && . ~/.bashrc\n")
        shutil.copy(f"{self._lan.key}.pub", self.folder / "authorized_keys")
        run(f"ssh-keygen -q -t ed25519 -N '' -f {self.folder}/host_key")
        (self.folder / "sshd_config").write_text(SSHD.format(address=self.address, folder=self.folder))

    def command(self, command: str) -> list[str]:
        """The command line that runs something on the host, as its login shell would."""
        assert self._process is not None
        first = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]
        enter = ["nsenter", "-t", first, "-m", "-p", "-u", "-n", "--", "env", "-i", f"HOME={HOME}"]
        return [*enter, "TERM=dumb", "USER=root", f"PATH={os.environ['PATH']}", "bash", "-lc", command]

    def run(self, command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run something on the host; its exit status is the caller's to look at."""
        return subprocess.run(
            self.command(command),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def begin(self, command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start something on the host that goes on."""
        with log.open("wb") as file:
            return subprocess.Popen(
                self.command(command), cwd="/", stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    @property
    def processes(self) -> list[str]:
        """Command lines of what runs on the host, but for its own first process and sshd."""
        told = self.run("ps -eo args --no-headers").stdout.splitlines()
        own = ("bash -c set -eu", "sshd", "sleep 0.2", "ps -eo", "bash -lc")
        return [line for line in told if not any(name in line for name in own)]

    def cut_off(self) -> None:
        """Pull its cable: it goes on, and nobody hears of it."""
        ip(f"-n {self._lan.name} link set {self._link} down")

    def stop(self) -> None:
        """End everything on it; the kernel ends all with a namespace's first process."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        subprocess.run(["ip", "netns", "delete", self._net], check=False, capture_output=True)


class Lan:
    """A switch with hosts. `environment`: what every login shell has."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.name = f"ar{os.getpid()}"  # so that what a killed run left is known; links have 15 characters
        self.key = folder / "key"
        self.hosts: list[Host] = []

    def start(self, names: Sequence[str]) -> None:
        """Make the switch and its hosts."""
        remove_what_killed_runs_left()
        run(f"ssh-keygen -q -t ed25519 -N '' -f {self.key}")
        ip(f"netns add {self.name}")
        ip(f"-n {self.name} link add switch type bridge")
        ip(f"-n {self.name} link set switch up")
        for number, name in enumerate(names):
            self.hosts.append(Host(self, number, name))
            self.hosts[-1].start()

    def stop(self) -> None:
        """End all hosts and take the switch away."""
        for host in self.hosts:
            host.stop()
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


@contextmanager
def lan(folder: Path, names: Sequence[str], environment: Mapping[str, str]) -> Iterator[list[Host]]:
    """Hosts of these names, which are gone at the end whatever happens.

    Args:
        folder: for their files.
        names: host names.
        environment: what every login shell has.
    """
    made = Lan(folder, environment)
    try:
        made.start(names)
        yield made.hosts
    finally:
        made.stop()


def remove_what_killed_runs_left() -> None:
    """Network namespaces of test processes that are gone; their hosts have ended with them."""
    for line in run("ip netns list").splitlines():
        name = line.split()[0]
        process = name.removeprefix("ar").partition("-")[0]
        if name.startswith("ar") and process.isdigit() and not Path(f"/proc/{process}").exists():
            subprocess.run(["ip", "netns", "delete", name], check=False)  # another process may be faster


def ip(arguments: str) -> None:
    """One command of iproute2."""
    run(f"ip {arguments}")


def run(command: str) -> str:
    """Run a command that must succeed; what it prints."""
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {textwrap.shorten(done.stderr, 500)}"
    return done.stdout
