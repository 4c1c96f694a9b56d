"""What nodes offer decides how many trials run at once, and how many share a device."""

from __future__ import annotations

import pytest

from after_ray.errors import AfterRayError
from sweeps.launching.ray_start import Nodes
from sweeps.study.declaration import Resources

LAPTOP = Nodes(((2.0, 0.0),), growing=False)
CLUSTER = Nodes(((8.0, 0.0), (16.0, 4.0), (16.0, 4.0)), growing=True)


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
