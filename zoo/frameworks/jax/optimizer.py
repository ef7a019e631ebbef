"""A recipe's optimizer in Optax, and one step of it."""

from functools import partial
from typing import Any

from zoo.frameworks.jax.backend import jax, missing, nnx
from zoo.specs.recipe import Recipe

try:
    import optax
except ImportError as error:
    raise missing("optax", error) from error


def optimizer_of(recipe: Recipe) -> Any:
    """Nesterov momentum, with weight decay only for kernels; each step is given its rate."""
    return optax.chain(
        optax.add_decayed_weights(
            recipe.weight_decay,
            mask=lambda weights: jax.tree.map(lambda weight: weight.ndim > 1, weights),
        ),
        optax.trace(decay=recipe.momentum, nesterov=True),
    )


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2, 3, 4))
def step(
    learning: Any,
    recipe: Recipe,
    weights: Any,
    averages: Any,
    moments: Any,
    pixels: Any,
    labels: Any,
    rate: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Weights, averages and momentum after a batch, its mean loss, and how many were correct.

    Compiled once for a network and a recipe; its first three arguments are consumed.
    """

    def loss_of(weights: Any) -> tuple[Any, Any]:
        model = nnx.merge(learning, weights, averages, copy=True)
        logits = model(pixels)
        loss = smoothed(logits, labels, recipe.label_smoothing)
        return loss, (logits, nnx.state(model, nnx.BatchStat))

    (loss, (logits, seen)), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
    updates, moments = optimizer_of(recipe).update(gradients, moments, weights)
    weights = optax.apply_updates(weights, jax.tree.map(lambda update: -rate * update, updates))
    return weights, seen, moments, loss, (logits.argmax(axis=1) == labels).sum()


def smoothed(logits: Any, labels: Any, smoothing: float) -> Any:
    """The mean cross-entropy with label smoothing."""
    wanted = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[1]), smoothing)
    return optax.softmax_cross_entropy(logits, wanted).mean()
