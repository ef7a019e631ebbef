"""The frameworks that models are written in, one place each."""
