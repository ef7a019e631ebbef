"""Networks in JAX, with Flax's layers and Optax's optimizer: docs/how-to/jax.md."""
