"""Random number generators of torch, seeded by purpose."""

import torch

from zoo.runs.seeds import seed_for


def generator(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A CPU generator for one purpose."""
    return torch.Generator().manual_seed(seed_for(seed, purpose, index))
