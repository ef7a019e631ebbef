"""The effect of differences between two models: images that change class, and accuracy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.actions.gallery import Gallery
from zoo.data.class_names import columns_by_name, is_in_order
from zoo.drawing.differences import MOST_EXAMPLES, ChangedImage, Effect
from zoo.intervals import Accuracy, Lost
from zoo.ort.signature import Signature
from zoo.progress import Progress


def effect(
    classes: Sequence[NDArray[np.int64]],
    signatures: Sequence[Signature],
    shown: Gallery,
    progress: Progress,
) -> Effect:
    """How the differences change the answers; B's classes are put into A's order."""
    names = [signature.class_names or () for signature in signatures]
    a, b = classes
    order = columns_by_name(names[1], names[0])
    if all(names) and order is not None and not is_in_order(order):
        b = _reordered(b, order)
        progress.say("B lists the same classes in another order: its answers are matched by name")
    changed = np.flatnonzero(a != b)
    labels = _labels(names[0], signatures[0], shown, progress)
    right = None if labels is None else (a == labels, b == labels)

    def called(label: int) -> str:
        if label < 0:
            return "not a number"
        return signatures[0].class_name(int(label))

    return Effect(
        images=len(shown),
        changed=len(changed),
        examples=tuple(
            ChangedImage(
                index=int(at),
                name=shown.names[at],
                truth="" if shown.labels is None else shown.class_names[int(shown.labels[at])],
                a=called(a[at]),
                b=called(b[at]),
            )
            for at in changed[:MOST_EXAMPLES]
        ),
        accuracy_a=Accuracy.of(right[0]) if right else None,
        accuracy_b=Accuracy.of(right[1]) if right else None,
        lost=Lost.of(*right) if right else None,
    )


def _labels(
    names: Sequence[str], signature: Signature, shown: Gallery, progress: Progress
) -> NDArray[np.int64] | None:
    """The true classes of the images, as A numbers them; None if unknown."""
    if shown.labels is None:
        return None
    if signature.classes not in (None, len(shown.class_names)):
        progress.say("accuracy is left out: the dataset has a different number of classes")
        return None
    order = columns_by_name(names, shown.class_names) if names else None
    if names and order is None:
        progress.say("accuracy is left out: the dataset has other classes; --classes-as-given")
        return None
    return shown.labels if order is None else np.asarray(order)[shown.labels]


def _reordered(classes: NDArray[np.int64], order: Sequence[int]) -> NDArray[np.int64]:
    """Each class as A numbers it. order: for each of A's classes its number in B."""
    numbers = np.empty(len(order), np.int64)
    numbers[list(order)] = np.arange(len(order))
    return np.where(classes < 0, classes, numbers[classes])
