"""A dataset is uint8 images, labels and class names, wherever it comes from.

`load("digits")`, `load("cifar10")`, `load("my-images/")` all give the same kind of `Dataset`.
Importing this package is cheap: neither torch nor scikit-learn is loaded until one is needed.
"""

from zoo.data.catalog import DatasetInfo, describe_datasets
from zoo.data.dataset import Dataset, Split
from zoo.data.loading import load
from zoo.data.split import hold_out

__all__ = ["Dataset", "DatasetInfo", "Split", "describe_datasets", "hold_out", "load"]
