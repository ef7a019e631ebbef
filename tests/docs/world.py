"""The small world in which the commands of a page run: data, models and files that pages name."""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torchvision
from PIL import Image

from bench.scenarios.registry import SCENARIOS
from tests.docs.reading import ROOT, blocks_of
from tests.frameworks import nearest_mean
from zoo.artifacts.artifact import VECTORS
from zoo.data import load
from zoo.frameworks.registry import FRAMEWORKS
from zoo.specs.catalog import MODELS, ModelSpec

EXPORTS = ROOT / "exports"
HOW_TO = ROOT / "docs" / "how-to"
SIDE = 32
DIGITS = 240  # of the 1,797
# By dataset, images of each class for training and test.
STAND_INS = {"cifar10": (8, 4), "cifar100": (1, 1)}
# Files that pages speak of as the reader's own.
OWN_IMAGES = ("photo.jpg", "cat.png")
OWN_FILES = ("model.onnx", "mine.onnx", "before.onnx", "after.onnx", "a.onnx", "b.onnx", "c.onnx")


def make_data(folder: Path) -> None:
    """Zips of a few images, with the classes of the datasets that they stand in for."""
    for name, counts in STAND_INS.items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for at, kind in enumerate(_classes_of(name)):
                for split, count in zip(("train", "test"), counts, strict=True):
                    for number in range(count):
                        image = BytesIO()
                        _image(at, number).save(image, "png")
                        archive.writestr(f"{split}/{kind}/{number}.png", image.getvalue())


def pass_for_real(cache: Path) -> None:
    """Let the stand-ins, once decoded, count as the images that the cards of the zoo name.

    A card names its dataset by a fingerprint. Without this, no published model would be shown them.
    """
    real = {}
    for path in EXPORTS.glob("*/card.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        real[len(card["class_names"])] = card["fingerprint"]
    for name in STAND_INS:
        load(name)
    for path in (cache / "entries").glob("*/meta.json"):
        meta = json.loads(path.read_text(encoding="utf-8"))
        meta["fingerprint"] = real[len(meta["class_names"])]
        path.write_text(json.dumps(meta), encoding="utf-8")


def furnish(folder: Path, make_onnx: Callable[..., Path]) -> None:
    """Put what a reader is said to have into the folder in which the commands run."""
    for name in OWN_IMAGES:
        _image(0, 0).save(folder / name)
    for name in OWN_FILES:
        path = folder / name
        make_onnx(path, size=(SIDE, SIDE), kind="float32-nchw", classes=10, metadata={})
    torch.save(torchvision.models.mobilenet_v2().state_dict(), folder / "backbone.pth")
    for split, count in (("train", 20), ("test", 2)):
        for at, kind in enumerate(("daisy", "tulip")):
            place = folder / "flowers" / split / kind
            place.mkdir(parents=True)
            for number in range(count):
                _image(at, number).save(place / f"{number}.jpg")
    shutil.make_archive(str(folder / "flowers"), "zip", folder / "flowers")
    (folder / "photos").mkdir()
    _image(0, 1).save(folder / "photos" / "1.jpg")
    place = folder / "exports" / "cnn-cifar10"
    place.mkdir(parents=True)
    shutil.copy(EXPORTS / "cnn-cifar10" / "fp32.onnx", place)


def publish(folder: Path) -> Path:
    """The published models under another folder: links to the files, so that none is copied."""
    ignored = shutil.ignore_patterns("local")
    return shutil.copytree(EXPORTS, folder, ignore=ignored, copy_function=os.symlink)


def fewer_digits(patch: pytest.MonkeyPatch) -> None:
    """Let the embedded digits be a few of them, also for processes that find them in the cache."""
    import sklearn.datasets

    everything = sklearn.datasets.load_digits()
    few = {name: everything[name][:DIGITS] for name in ("images", "target")}
    patch.setattr(sklearn.datasets, "load_digits", lambda: sklearn.utils.Bunch(**few))


def add_what_pages_add(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Enter what the pages adding-a-*.md tell to write, where they say."""
    patch.setitem(sys.modules, "zoo.models.lenet", _module(_block("adding-a-model", "LeNet-5 of")))
    # tests/frameworks/test_nearest_mean.py holds the page to this module.
    patch.setitem(sys.modules, "zoo.frameworks.nearest_mean", nearest_mean)
    for page in ("adding-a-model", "adding-a-framework"):
        spec = eval(_block(page, "ModelSpec(").strip().rstrip(","), {"ModelSpec": ModelSpec})
        patch.setitem(MODELS, spec.name, spec)
    for name, place in eval(f"{{{_block('adding-a-framework', 'nearest_mean:Nea')}}}").items():
        patch.setitem(FRAMEWORKS, name, place)
    idle: Any = _module(_block("adding-a-scenario", "class Idle"))
    patch.setitem(SCENARIOS, "idle", idle.Idle())
    (folder / "mine.py").write_text(_block("adding-a-runtime", "class Mine"), encoding="utf-8")


def _block(page: str, words: str) -> str:
    (found,) = [block for block in blocks_of(HOW_TO / f"{page}.md") if words in block]
    return found


def _module(code: str) -> ModuleType:
    module = ModuleType("of_the_page")
    exec(code, module.__dict__)
    return module


def _classes_of(name: str) -> tuple[str, ...]:
    cards = (json.loads(path.read_text("utf-8")) for path in EXPORTS.glob("*/card.json"))
    return next(tuple(card["class_names"]) for card in cards if card["dataset"] == name)


def _image(kind: int, number: int) -> Image.Image:
    """One of a class: an image that an artifact carries, moved by some pixels."""
    content = (EXPORTS / "cnn-cifar10" / VECTORS / "input_0.pb").read_bytes()
    stored = onnx.numpy_helper.to_array(onnx.TensorProto.FromString(content))
    image = np.roll(stored[kind % len(stored)], number % 4, axis=kind // len(stored) % 2)
    return Image.fromarray(image)
