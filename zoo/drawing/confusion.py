"""A confusion matrix: how often each class is mistaken for each other, and how to draw it."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.tables import read_table, table_text

CONFUSION = "confusion.csv"  # in an artifact
TRUE, PREDICTED = "true", "predicted"  # what rows and columns are
SHADES = "The shade grows with the square root of a row's share, so small confusions show."
_MOST_NAMED = 25  # classes
_MOST_IMAGES = 1 << 53  # of a class
_FAINTEST = 0.05  # shade of a cell that is not empty
_DARK = 0.5  # share from which on writing in the cell has to be light


@dataclass(frozen=True)
class Cell:
    """Images of one true class that were predicted as one class."""

    true: int
    predicted: int
    count: int
    share: float  # a share of the images of the true class

    @property
    def shade(self) -> float:
        """The intensity of the cell's colour: 0 to 1."""
        return _FAINTEST + (1 - _FAINTEST) * self.share**0.5 if self.count else 0.0

    @property
    def is_dark(self) -> bool:
        """Whether the cell is dark enough to need light text."""
        return self.share > _DARK


@dataclass(frozen=True)
class Confusion:
    """The counts of a whole test set."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # [true][predicted]

    @classmethod
    def of(cls, classes: Iterable[str], counts: Iterable[Sequence[int]]) -> "Confusion":
        """From any rows of counts."""
        return cls(tuple(classes), tuple(map(tuple, counts)))

    @property
    def is_named(self) -> bool:
        """Whether there are few enough classes to show their names."""
        return len(self.classes) <= _MOST_NAMED

    def cells(self) -> Iterator[Cell]:
        """Row by row."""
        for true, row in enumerate(self.counts):
            images = max(sum(row), 1)
            for predicted, count in enumerate(row):
                yield Cell(true, predicted, count, count / images)

    def to_csv(self) -> str:
        """A row for each true class, a column for each predicted one."""
        lines = ([name, *row] for name, row in zip(self.classes, self.counts, strict=True))
        return table_text([TRUE, *self.classes], lines)

    @classmethod
    def from_csv(cls, content: bytes) -> "Confusion":
        """Read what `to_csv` wrote; `ValueError` for any other table."""
        headings, lines = read_table(io.StringIO(content.decode("utf-8"), newline=""))
        counts = tuple(tuple(int(count) for count in line[1:]) for line in lines)
        classes = tuple(headings[1:])
        if not all(0 <= count < _MOST_IMAGES for row in counts for count in row):
            raise ValueError("a count that is out of range")
        if not classes or len(counts) != len(classes):
            raise ValueError("the table is not square")
        return cls(classes, counts)


def confusion_counts(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """How often each true class (rows) was predicted as each class (columns)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts
