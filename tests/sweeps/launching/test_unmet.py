"""Trials that no node can hold are named, waited for where nodes may come, and given up where none can."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from sweeps.launching import unmet as module
from sweeps.launching.autoscaler import has_types, types_in, types_in_reply
from sweeps.launching.ray_start import Nodes, Offer
from sweeps.launching.unmet import Unmet
from sweeps.planning.jobs import Job
from sweeps.study.declaration import Resources
from tests.sweeps.launching.named import Named

SMALL = Nodes((Offer(2.0), Offer(4.0)), growing=True)
LARGE = Nodes((Offer(2.0), Offer(8.0, 1.0)), growing=True)
FITS = Job("features", Named("small"))
GPU = [
    replace(Job("features", Named(f"gpu {number}")), resources=Resources(cpu=1, gpu=1)) for number in range(3)
]
WIDE = replace(Job("features", Named("wide")), resources=Resources(cpu=64))


@dataclass
class World:
    """A cluster, whose time passes when it is told to."""

    grows: bool = False
    nodes: Nodes = SMALL
    now: float = 1000.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unmet = Unmet(lambda: self.nodes, lambda: self.grows, lambda: self.now)

    def wait(self, seconds: float, running: list[Job], waiting: list[Job]) -> None:
        """Let time pass, looking every two seconds."""
        end = self.now + seconds
        while self.now < end:
            if (sentence := self.unmet.look(running, waiting)) is not None:
                self.said.append(sentence)
            self.now += 2.0


def test_what_no_node_can_hold_is_said_after_a_while_and_now_and_then() -> None:
    world = World()
    world.wait(module.SAID_AFTER, [FITS], [*GPU, WIDE])
    assert world.said == []
    world.wait(2, [FITS], [*GPU, WIDE])
    (sentence,) = world.said
    assert (
        "No node can hold 3 trials of 1 CPU and 1 GPU or 1 trial of 64 CPU and 0 GPU, ready to run"
        in sentence
    )
    assert "of 2 nodes none has more than 4 CPU, none more than 0 GPU" in sentence
    assert "no autoscaler is there to add one; start a node that can" in sentence
    assert "or change 'resources' in the study" in sentence
    world.wait(2 * module.SAID_AGAIN, [FITS], [*GPU, WIDE])
    assert len(set(world.said)) == 3, "each says how long, so that it is not taken for the same"
    assert world.unmet.given_up is None, "something else runs"


def test_what_waits_for_its_turn_is_not_spoken_of() -> None:
    world = World(nodes=LARGE)
    world.wait(1000, [GPU[0]], GPU[1:])
    assert world.said == []
    assert world.unmet.given_up is None


def test_where_nothing_can_grow_it_is_given_up_when_all_else_has_run() -> None:
    world = World()
    world.wait(200, [FITS], GPU)
    world.wait(200, [], [FITS, *GPU])
    assert world.unmet.given_up is None, "something that fits is about to start"
    world.wait(module.GIVEN_UP_AFTER, [], GPU)
    assert world.unmet.given_up is None
    world.wait(2, [], GPU)
    assert str(world.unmet.given_up).startswith("No node can hold 3 trials of 1 CPU and 1 GPU, ready to run")
    assert "run the same command again" in str(world.unmet.given_up)


def test_an_autoscaler_is_waited_for() -> None:
    world = World(grows=True)
    world.wait(3600, [], GPU)
    assert world.unmet.given_up is None
    assert "they have waited 16 s for the autoscaler" in world.said[0]
    assert len(world.said) == 12


def test_a_node_that_joins_ends_the_matter_and_the_clock_starts_anew() -> None:
    world = World()
    world.wait(50, [], GPU)
    world.nodes = LARGE
    world.wait(2, [], GPU)
    world.nodes = SMALL
    world.wait(50, [], GPU)
    assert world.unmet.given_up is None
    assert len(world.said) == 2


@pytest.mark.parametrize(
    ("report", "grows"),
    [
        ({}, False),
        ({"active_nodes": {"node_0123": 1}, "idle_nodes": None, "pending_launches": {}}, False),
        ({"active_nodes": {}, "idle_nodes": {"node_0123": 1, "node_4567": 1}}, False),
        ({"active_nodes": {}, "node_type_mapping": {"0123": "node_0123"}}, False),
        ({"active_nodes": {}, "node_type_mapping": {"0123": "ray.head.default"}}, True),
        ({"active_nodes": {"ray.head.default": 1}}, True),
        ({"active_nodes": {}, "pending_launches": {"gpu_worker": 2}}, True),
        ({"active_nodes": {}, "pending_nodes": [("10.0.0.1", "gpu_worker", "setting up")]}, True),
        ({"active_nodes": {}, "failed_nodes": [("10.0.0.1", "gpu_worker")]}, True),
    ],
)
def test_nodes_of_a_type_are_those_of_an_autoscaler(report: dict[str, object], grows: bool) -> None:
    assert has_types(types_in(report)) == grows


@pytest.mark.ray
@pytest.mark.parametrize(
    ("scaled", "name", "grows"),
    [(False, "", False), (False, "workers", False), (True, "", False), (True, "workers", True)],
)
def test_types_that_nodes_name_count_where_an_autoscaler_reports(
    scaled: bool, name: str, grows: bool
) -> None:
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

    reply = GetClusterStatusReply()
    reply.cluster_resource_state.node_states.add().ray_node_type_name = name
    if scaled:
        reply.autoscaling_state.autoscaler_state_version = 0
        reply.autoscaling_state.SetInParent()
    assert has_types(types_in_reply(reply)) == grows
