"""A network in JAX, with Flax's layers and Optax's steps: docs/how-to/jax.md."""
