"""A seeded, stratified validation split for making choices."""

import numpy as np
from numpy.typing import NDArray

from zoo.data.dataset import Labels
from zoo.errors import UsageError


def hold_out(labels: Labels, count: int, seed: int) -> tuple[Labels, Labels]:
    """Split the images of `labels` (int64 [N]) into training and `count` validation indices.

    Every class gives its share (largest remainder). Both results are int64, ascending. The same
    labels, count and seed give the same split on every machine and numpy version.
    """
    if not 0 < count < len(labels):
        raise UsageError(
            f"cannot hold out {count} of {len(labels)} training images for validation; "
            f"choose a number from 1 to {len(labels) - 1}."
        )
    classes, members = np.unique(labels, return_inverse=True)
    sizes = np.bincount(members)
    shares = stratified_counts(sizes, count)
    used_up = classes[shares == sizes]
    if len(used_up):
        raise UsageError(
            f"holding out {count} of {len(labels)} images leaves no training image of class "
            f"{used_up[0]}; hold out fewer."
        )
    # Raw bits of a bit generator are the one random stream numpy promises never to change.
    keys = np.random.PCG64(seed).random_raw(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        candidates = np.flatnonzero(members == label)
        chosen[candidates[np.argsort(keys[candidates], kind="stable")[:share]]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def stratified_counts(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many of `count` fall to each class of `sizes`: in proportion, by largest remainder."""
    total = int(sizes.sum())
    shares, remainders = np.divmod(sizes.astype(np.int64) * count, total)
    largest = np.argsort(-remainders, kind="stable")[: count - int(shares.sum())]
    shares[largest] += 1
    return np.asarray(shares, dtype=np.int64)
