"""Dropout from a passed generator: what torch's is, in distribution, and nothing of torch's own generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from after_ray.backbones.dropout import DrawnDropout, draw_dropout
from after_ray.backbones.loading import build
from after_ray.backbones.settings import BackboneSettings

Tiny = Callable[..., BackboneSettings]
ALL_OFF = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "layerdrop": 0.0}
PADDED = torch.tensor([30, 30, 17])


def drawn(share: float, seed: int = 0) -> DrawnDropout:
    return DrawnDropout(share, np.random.default_rng(seed))


def encoder(tiny: Tiny, **dropouts: float) -> nn.Module:
    return build(tiny(**{**ALL_OFF, **dropouts})).encoder.train()


def frames(seed: int = 0) -> Tensor:
    return torch.randn(3, 30, 32, generator=torch.Generator().manual_seed(seed))


def encoded(network: nn.Module, *, masked: bool) -> Tensor:
    mask = torch.arange(30) < PADDED[:, None] if masked else None
    return network(frames(), attention_mask=mask).last_hidden_state


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_share_is_dropped_and_the_mean_stays(share: float) -> None:
    values = drawn(share)(torch.ones(1000, 1001))
    assert (values == 0).double().mean().item() == pytest.approx(share, abs=0.002)  # four deviations
    assert values.double().mean().item() == pytest.approx(1, abs=0.004)
    assert values.unique().numel() == 2


def test_elements_are_dropped_independently_of_their_neighbours() -> None:
    """Four elements share one draw of 64 bits."""
    gone = (drawn(0.5)(torch.ones(400_000)) == 0).double() - 0.5
    for distance in (1, 2, 3, 4):
        assert abs((gone[distance:] * gone[:-distance]).mean().item()) < 0.25 * 5 / 400_000**0.5


def test_gradients_pass_where_values_passed() -> None:
    values = torch.ones(1000, requires_grad=True)
    dropped = drawn(0.3)(values)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, dropped.detach())


def test_nothing_is_dropped_in_evaluation_or_at_share_0() -> None:
    values = torch.randn(50)
    assert torch.equal(drawn(0.5).eval()(values), values)
    assert torch.equal(drawn(0.0)(values), values)


def test_equal_generators_drop_alike_and_every_call_otherwise() -> None:
    values, one, other = torch.ones(500), drawn(0.5), drawn(0.5)
    first, second = one(values), one(values)
    assert torch.equal(first, other(values))
    assert not torch.equal(first, second)
    assert not torch.equal(first, drawn(0.5, seed=1)(values))


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_that_of_torch_but_for_its_dropout(tiny: Tiny, kind: str, masked: bool) -> None:
    network = build(tiny(model_type=kind, **ALL_OFF)).encoder.train()
    plain = encoded(network, masked=masked)
    draw_dropout(network, np.random.default_rng(0))
    for layer in network.layers:
        layer.attention.dropout = 1e-9  # so that the way with dropout is taken, and nothing dropped
    again = encoded(network, masked=masked)
    valid = torch.arange(30) < PADDED[:, None] if masked else slice(None)
    torch.testing.assert_close(again[valid], plain[valid], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["hidden_dropout", "attention_dropout", "activation_dropout"])
def test_every_kind_of_dropout_draws_from_the_generator_alone(tiny: Tiny, name: str) -> None:
    network = encoder(tiny, **{name: 0.3})
    generator = np.random.default_rng(0)
    draw_dropout(network, generator)
    before, place = torch.get_rng_state(), generator.bit_generator.state
    first, second = encoded(network, masked=True), encoded(network, masked=True)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    generator.bit_generator.state = place
    assert torch.equal(encoded(network, masked=True), first)


def test_attention_drops_on_average_nothing(tiny: Tiny) -> None:
    """Its mean over many draws is the attention without dropout."""
    attention = encoder(tiny).layers[0].attention
    hidden = frames()
    plain = attention(hidden)[0].detach()
    attention.dropout = 0.2
    draw_dropout(attention, np.random.default_rng(0))
    with torch.no_grad():
        draws = torch.stack([attention(hidden)[0] for _ in range(800)])
    error = (draws.mean(dim=0) - plain) / (draws.std(dim=0) / 800**0.5)
    assert error.square().mean().item() == pytest.approx(1, abs=0.2)


def test_a_network_whose_dropout_is_drawn_scores_as_before(tiny: Tiny) -> None:
    network = encoder(tiny, hidden_dropout=0.1, attention_dropout=0.1).eval()
    plain = encoded(network, masked=True)
    draw_dropout(network, np.random.default_rng(0))
    assert torch.equal(encoded(network, masked=True), plain)


def test_a_second_generator_takes_the_place_of_the_first(tiny: Tiny) -> None:
    network = encoder(tiny, attention_dropout=0.3, hidden_dropout=0.3)
    draw_dropout(network, np.random.default_rng(0))
    first = encoded(network, masked=False)
    draw_dropout(network, np.random.default_rng(0))
    assert torch.equal(encoded(network, masked=False), first)


def test_a_share_of_1_drops_everything() -> None:
    assert torch.equal(drawn(1.0)(torch.ones(8)), torch.zeros(8))
