"""Steps 1 to 4 of the MLP from scratch: each formula against what is known to be right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy as torch_cross_entropy

from zoo.frameworks.numpy import gradient_check
from zoo.frameworks.numpy.gradient_check import largest_difference, numerical_gradients
from zoo.frameworks.numpy.network import (
    Layer,
    Network,
    Numbers,
    arrays_of,
    backward_propagate_error,
    cross_entropy,
    forward_propagation,
    initialize_network,
    pre_activation,
    sigmoid_activation,
    softmax,
    update_weights,
)

SIZES = (12, 7, 5, 3)
LABELS = np.array([0, 2, 1, 1, 0, 2])


def small(dtype: type = np.float64, seed: int = 0) -> tuple[Network, Numbers]:
    """A network whose biases are not zero either, and inputs for it."""
    draw = np.random.default_rng(seed)
    network = initialize_network(SIZES, draw, dtype)
    for layer in network:
        layer.bias[...] = draw.standard_normal(len(layer.bias))
    return network, draw.standard_normal((len(LABELS), SIZES[0])).astype(dtype)


def arrays(network: Network) -> Iterator[Numbers]:
    for layer in network:
        yield from (layer.weight, layer.bias)


def gradients_of(network: Network, inputs: Numbers) -> Network:
    return backward_propagate_error(network, forward_propagation(network, inputs), LABELS)


def twin_of(network: Network) -> nn.Sequential:
    """The same in torch."""
    parts: list[nn.Module] = []
    for layer in network:
        linear = nn.Linear(*layer.weight.shape[::-1])
        linear.weight.data = torch.from_numpy(layer.weight.copy())
        linear.bias.data = torch.from_numpy(layer.bias.copy())
        parts += [linear, nn.Sigmoid()]
    return nn.Sequential(*parts[:-1])


def test_gradients_are_those_of_finite_differences() -> None:
    network, inputs = small()
    before = [array.copy() for array in arrays(network)]
    slopes = arrays_of(gradients_of(network, inputs))
    for name, found in numerical_gradients(network, inputs, LABELS, 1e-6).items():
        np.testing.assert_allclose(slopes[name], found, rtol=1e-6, atol=1e-9)
    for now, then in zip(arrays(network), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_wrong_gradient_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sigmoid's slope that was forgotten, as a student may."""
    network, inputs = small()
    assert largest_difference(network, inputs, LABELS, 1e-6) < 1e-8
    one = [Layer(layer.weight, layer.bias) for layer in gradients_of(network, inputs)]
    one[0] = Layer(one[0].weight * 4, one[0].bias)
    monkeypatch.setattr(gradient_check, "backward_propagate_error", lambda *_: one)
    assert largest_difference(network, inputs, LABELS, 1e-6) > 0.01


def test_the_drawing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_check, "STEPS", np.array([1e-3, 1e-2]))
    gradient_check.draw(tmp_path / "gradients.png")
    assert (tmp_path / "gradients.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("dtype", "apart"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_gradients_are_those_of_torch(dtype: type, apart: float) -> None:
    network, inputs = small(dtype)
    twin = twin_of(network)
    torch_cross_entropy(twin(torch.from_numpy(inputs)), torch.from_numpy(LABELS)).backward()
    wanted = [weight.grad.numpy() for weight in twin.parameters() if weight.grad is not None]
    found = list(arrays(gradients_of(network, inputs)))
    assert len(wanted) == len(found) == 6
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=apart)


def test_loss_and_logits_are_those_of_torch() -> None:
    network, inputs = small()
    logits = twin_of(network)(torch.from_numpy(inputs)).detach()
    found = forward_propagation(network, inputs)[-1]
    np.testing.assert_allclose(found, logits.numpy(), rtol=1e-12)
    wanted = torch_cross_entropy(logits, torch.from_numpy(LABELS)).item()
    assert cross_entropy(found, LABELS) == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(softmax(found), logits.softmax(1).numpy(), rtol=1e-12)


def test_steps_with_momentum_are_those_of_torch() -> None:
    network, inputs = small()
    twin = twin_of(network)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.3, momentum=0.8)
    velocities = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
    for _ in range(5):
        update_weights(network, gradients_of(network, inputs), velocities, 0.3, 0.8)
        optimizer.zero_grad()
        torch_cross_entropy(twin(torch.from_numpy(inputs)), torch.from_numpy(LABELS)).backward()
        optimizer.step()
    for ours, theirs in zip(arrays(network), twin.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10)


def test_decay_takes_a_share_of_weights_and_nothing_of_biases() -> None:
    network, _ = small()
    before = [array.copy() for array in arrays(network)]
    none = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
    still = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
    update_weights(network, none, still, rate=0.5, momentum=0.9, decay=0.2)
    for place, (now, then) in enumerate(zip(arrays(network), before, strict=True)):
        np.testing.assert_allclose(now, then * (1.0 if place % 2 else 0.9), rtol=1e-12)


def test_all_numbers_stay_float32() -> None:
    network, inputs = small(np.float32)
    velocities = [Layer(np.zeros_like(one.weight), np.zeros_like(one.bias)) for one in network]
    flow = forward_propagation(network, inputs)
    gradients = backward_propagate_error(network, flow, LABELS)
    update_weights(network, gradients, velocities, 0.1, 0.9, 0.01)
    kinds = {a.dtype for part in (network, gradients, velocities) for a in arrays(part)}
    assert kinds | {values.dtype for values in flow} == {np.dtype(np.float32)}


def test_sigmoids_of_large_sums_are_0_and_1_and_no_warning() -> None:
    sums = np.array([[-1e4, -100, 0, 100, 1e4]], np.float32)
    np.testing.assert_array_equal(sigmoid_activation(sums), [[0, 0, 0.5, 1, 1]])


def test_a_sigmoid_is_written_where_its_sums_were() -> None:
    sums = np.linspace(-5, 5, 11)
    wanted = 1 / (1 + np.exp(-sums))
    found = sigmoid_activation(sums)
    assert found is sums
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_a_pre_activation_is_a_weighted_sum_and_a_bias() -> None:
    layer = Layer(np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([10.0, 20.0]))
    np.testing.assert_array_equal(pre_activation(layer, np.array([[3.0, 4.0]])), [[21.0, 16.0]])


def test_the_same_seed_draws_the_same_network_and_sums_keep_their_spread() -> None:
    first, second = (initialize_network((900, 900), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0].weight, second[0].weight)
    assert not first[0].bias.any()
    inputs = np.random.default_rng(0).standard_normal((200, 900)).astype(np.float32)
    assert pre_activation(first[0], inputs).std() == pytest.approx(1, rel=0.05)


def test_large_logits_overflow_nowhere() -> None:
    logits = np.array([[1e4, 0.0], [0.0, -1e4]], np.float32)
    np.testing.assert_array_equal(softmax(logits), [[1, 0], [1, 0]])
    assert cross_entropy(logits, np.array([0, 0])) == 0
    assert cross_entropy(logits, np.array([1, 1])) == 1e4
