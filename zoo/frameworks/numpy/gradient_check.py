"""Check backpropagation against finite differences; the plot for docs/tutorial/mlp-from-scratch.md.

python -m zoo.frameworks.numpy.gradient_check docs/images/mlp-from-scratch-gradients.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.drawing.plots import BLUE, ORANGE, save
from zoo.frameworks.numpy.network import (
    Labels,
    Network,
    Numbers,
    arrays_of,
    backward_propagate_error,
    cross_entropy,
    forward_propagation,
    initialize_network,
)

SIZES = (30, 20, 10, 5)
IMAGES = 16
STEPS = np.logspace(-11, 0, 45)


def numerical_gradients(
    network: Network, inputs: Numbers, labels: Labels, step: float
) -> dict[str, Numbers]:
    """Move each parameter a step up and a step down: (loss up - loss down) / 2 steps."""
    found = {}
    for name, values in arrays_of(network).items():
        slopes = np.empty_like(values)
        for place in np.ndindex(*values.shape):
            kept, losses = values[place], []
            for moved in (kept + step, kept - step):
                values[place] = moved
                losses.append(cross_entropy(forward_propagation(network, inputs)[-1], labels))
            values[place] = kept
            slopes[place] = (losses[0] - losses[1]) / (2 * step)
        found[name] = slopes
    return found


def largest_difference(network: Network, inputs: Numbers, labels: Labels, step: float) -> float:
    """The largest difference between both gradients, as a share of the largest gradient."""
    flow = forward_propagation(network, inputs)
    ours = arrays_of(backward_propagate_error(network, flow, labels))
    theirs = numerical_gradients(network, inputs, labels, step)
    apart = max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)
    return apart / max(float(np.abs(gradient).max()) for gradient in ours.values())


def draw(path: Path) -> None:
    """Draw the difference for steps of many sizes, in both number formats."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for dtype, colour, style in ((np.float64, BLUE, "-"), (np.float32, ORANGE, "--")):
        random = np.random.default_rng(0)
        network = initialize_network(SIZES, random, dtype)
        inputs = random.standard_normal((IMAGES, SIZES[0])).astype(dtype)
        labels = random.integers(0, SIZES[-1], IMAGES)
        apart = [largest_difference(network, inputs, labels, float(step)) for step in STEPS]
        axes.loglog(STEPS, apart, style, color=colour, label=np.dtype(dtype).name)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, place: f"{value:.0e}")
    axes.set(xlabel="step", ylabel="largest difference / largest gradient")
    axes.set_title("Backpropagation against finite differences", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
