"""The datasets that have a name: what they are, and which files their publishers provide."""

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class CifarForm:
    """How CIFAR's publisher packs it: archives, folders and the files inside, in two formats."""

    python_archive: str
    python_folder: str
    python_files: dict[str, tuple[str, ...]]
    python_meta: str
    names_key: str
    labels_key: str
    binary_archive: str
    binary_folder: str
    binary_files: dict[str, tuple[str, ...]]
    binary_names: str
    label_bytes: int


@dataclass(frozen=True)
class Known:
    """One named dataset."""

    name: str
    about: str
    classes: int
    shape: tuple[int, int, int]  # height, width, channels
    images: tuple[int, int]  # of train and test
    mirror: bool  # see `Dataset.mirror`
    class_names: tuple[str, ...] = ()  # in official order; empty where the source itself names them
    torchvision: str = ""  # the class there that knows its download
    cifar: CifarForm | None = None


DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

CIFAR10_FORM = CifarForm(
    python_archive="cifar-10-python.tar.gz",
    python_folder="cifar-10-batches-py",
    python_files={
        "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test": ("test_batch",),
    },
    python_meta="batches.meta",
    names_key="label_names",
    labels_key="labels",
    binary_archive="cifar-10-binary.tar.gz",
    binary_folder="cifar-10-batches-bin",
    binary_files={
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    },
    binary_names="batches.meta.txt",
    label_bytes=1,
)
CIFAR100_FORM = CifarForm(
    python_archive="cifar-100-python.tar.gz",
    python_folder="cifar-100-python",
    python_files={"train": ("train",), "test": ("test",)},
    python_meta="meta",
    names_key="fine_label_names",
    labels_key="fine_labels",
    binary_archive="cifar-100-binary.tar.gz",
    binary_folder="cifar-100-binary",
    binary_files={"train": ("train.bin",), "test": ("test.bin",)},
    binary_names="fine_label_names.txt",
    label_bytes=2,
)

KNOWN = {
    known.name: known
    for known in (
        Known(
            "digits",
            "handwritten digits that ship inside scikit-learn, 8x8 shown as 32x32 colour",
            10,
            (32, 32, 3),
            (1438, 359),
            mirror=False,
            class_names=DIGIT_NAMES,
        ),
        Known(
            "cifar10",
            "photographs of ten kinds of animals and vehicles",
            10,
            (32, 32, 3),
            (50_000, 10_000),
            mirror=True,
            torchvision="CIFAR10",
            cifar=CIFAR10_FORM,
        ),
        Known(
            "cifar100",
            "photographs of a hundred kinds of things (the fine labels)",
            100,
            (32, 32, 3),
            (50_000, 10_000),
            mirror=True,
            torchvision="CIFAR100",
            cifar=CIFAR100_FORM,
        ),
        Known(
            "mnist",
            "handwritten digits, grey",
            10,
            (28, 28, 1),
            (60_000, 10_000),
            mirror=False,
            class_names=DIGIT_NAMES,
            torchvision="MNIST",
        ),
        Known(
            "fashion-mnist",
            "pieces of clothing, grey",
            10,
            (28, 28, 1),
            (60_000, 10_000),
            mirror=True,
            class_names=FASHION_NAMES,
            torchvision="FashionMNIST",
        ),
    )
}


@dataclass(frozen=True)
class ClassNames:
    """Classes and where they came from."""

    names: tuple[str, ...]  # what the classes are called
    folders: tuple[str, ...]  # the folder that each of them came from


def official_names(folders: Collection[str]) -> ClassNames:
    """Class names for a set of folder names, sorted, or in the official order of a known dataset.

    Official names are recognised with any character in place of a space or slash (`T-shirt_top`),
    because a folder's name cannot contain a slash.
    """
    by_key = {_key(folder): folder for folder in folders}
    for known in KNOWN.values():
        official = {_key(name): name for name in known.class_names}
        if official.keys() == by_key.keys() and len(by_key) == len(folders):
            return ClassNames(known.class_names, tuple(by_key[key] for key in official))
    ordered = tuple(sorted(folders))
    return ClassNames(ordered, ordered)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
