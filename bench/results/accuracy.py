"""The accuracy of an arm on the whole test set, and how it differs from the reference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.results.rows import Row
from bench.stats.stats import mcnemar
from zoo.data.class_names import BY_NAME
from zoo.intervals import Accuracy

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """An arm against the reference, on the same images."""

    agreement: float  # share with the same class
    mcnemar_p: float | None  # p value that both are equally accurate; None without labels
    largest: float  # |logit difference|


def accuracy_of(logits: Logits, labels: NDArray[np.int64]) -> Accuracy:
    """The share of correct images, with its Wilson interval."""
    return Accuracy.of(logits.argmax(axis=1) == labels)


def difference(logits: Logits, reference: Logits, labels: NDArray[np.int64] | None) -> Difference:
    """The difference that another runtime, provider or precision makes."""
    ours, theirs = logits.argmax(axis=1), reference.argmax(axis=1)
    p = None
    if labels is not None:
        right, wanted = ours == labels, theirs == labels
        p = mcnemar(int((right & ~wanted).sum()), int((wanted & ~right).sum()))
    return Difference(
        agreement=float((ours == theirs).mean()),
        mcnemar_p=p,
        largest=float(np.abs(logits - reference).max(initial=0.0)),
    )


def doubts(row: Row) -> Iterator[str]:
    """What to know before relying on its accuracy, besides what its card says."""
    if row.answers_vary:
        yield f"{row.answers_vary}, so its accuracy is that of batch {row.accuracy_batch}"
    if row.class_order:
        yield f"the file {BY_NAME}"
    if row.is_like_chance:
        yield f"its accuracy is no better than guessing one of {row.classes} classes"
