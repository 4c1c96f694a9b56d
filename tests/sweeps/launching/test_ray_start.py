"""What nodes offer decides how many trials run at once, and how many share a device."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.errors import AfterRayError
from sweeps.cli import app
from sweeps.launching.ray_start import (
    BadAddress,
    NoCluster,
    Nodes,
    NoLocalRay,
    Offer,
    Where,
    answering,
    running_ray,
)
from sweeps.study.declaration import Resources

LAPTOP = Nodes((Offer(2.0),), growing=False)
CLUSTER = Nodes((Offer(8.0), Offer(16.0, 4.0), Offer(16.0, 4.0)), growing=True)


def test_slots_are_counted_node_by_node() -> None:
    assert LAPTOP.slots(Resources(cpu=1)) == 2
    assert LAPTOP.slots(Resources(cpu=2)) == 1
    assert CLUSTER.slots(Resources(cpu=1)) == 40
    assert CLUSTER.slots(Resources(cpu=4, gpu=1)) == 8
    assert CLUSTER.slots(Resources(cpu=8, gpu=1)) == 4, "cores are short of GPUs"
    assert CLUSTER.slots(Resources(cpu=1, gpu=0.1)) == 32, "ten to a GPU, and sixteen cores"
    assert CLUSTER.slots(Resources(cpu=32)) == 0


def test_who_shares_a_device() -> None:
    assert LAPTOP.sharing(Resources(cpu=1)) == 2
    assert CLUSTER.sharing(Resources(cpu=1)) == 16
    assert CLUSTER.sharing(Resources(cpu=1, gpu=0.5)) == 2
    assert CLUSTER.sharing(Resources(cpu=1, gpu=2)) == 1


def test_one_machine_refuses_what_it_cannot_hold_and_a_cluster_may_grow() -> None:
    with pytest.raises(
        AfterRayError, match="needs 4 CPU and 0 GPU on one node, but the largest node has 2 CPU"
    ):
        LAPTOP.check(Resources(cpu=4))
    with pytest.raises(AfterRayError, match="needs 1 CPU and 1 GPU"):
        LAPTOP.check(Resources(cpu=1, gpu=1))
    CLUSTER.check(Resources(cpu=64, gpu=8))
    assert (CLUSTER.capacity.cpus, CLUSTER.capacity.gpus) == (40, 8)


WRONG = ["nonsense", "local", "host:", ":6379", "host:port", "host:0", "host:65536", "::1", "1:2:3", "host:²"]
SCHEMES = ["ray://host:10001", "http://host:8265"]


@pytest.mark.parametrize("address", WRONG + SCHEMES)
def test_what_is_no_address_is_refused_before_anything_runs(address: str) -> None:
    with pytest.raises(BadAddress, match=r"allowed: host:port.*or 'auto'") as refused:
        Where(address)
    assert ("Ray Client" in str(refused.value)) == address.startswith("ray://")


@pytest.mark.parametrize("address", [None, "auto", "localhost:6379", "10.0.0.5:6379", "[::1]:6379"])
def test_addresses_of_clusters_and_none_are_taken(address: str | None) -> None:
    assert Where(address).address == address


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_an_address_where_nobody_listens_is_one_sentence_within_seconds() -> None:
    address, before = f"127.0.0.1:{free_port()}", time.monotonic()
    with (
        pytest.raises(NoCluster, match=f"answers at '{address}' .*refused.*leave it out"),
        running_ray(Where(address)),
    ):
        raise AssertionError("there is no Ray")
    assert time.monotonic() - before < 10


def test_auto_goes_by_ray_address_and_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(NoCluster, match=f"answers at 'auto' \\({address}: "):
        answering("auto")
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere:10001")
    with pytest.raises(BadAddress, match="ray://elsewhere:10001"):
        answering("auto")
    with socket.create_server(("127.0.0.1", 0)) as server:
        listening = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", listening)
        assert answering("auto") == answering(listening) == listening


def test_auto_on_a_machine_without_a_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(address: str, folder: None) -> str:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr("ray._private.services.get_ray_address_from_environment", none)
    with pytest.raises(NoCluster, match="none runs on this machine, and RAY_ADDRESS names none"):
        answering("auto")


def test_a_wrong_address_is_said_before_a_study_is_opened(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", str(tmp_path / "none.yaml"), "--address", "nonsense"])
    assert done.exit_code == 1
    assert done.output.startswith("error: 'nonsense' is no address of a Ray cluster; allowed: ")


def test_a_local_ray_that_does_not_come_up_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because ...")

    monkeypatch.setattr("ray.init", init)
    sentence = r"did not start on this machine \(The current node timed out during startup\); .* again; what"
    with pytest.raises(NoLocalRay, match=sentence), running_ray(Where()):
        raise AssertionError("nothing runs")
