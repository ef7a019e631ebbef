"""What the tests of `verify` share: one process that inspects, and a published artifact."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from zoo.actions import verify
from zoo.artifacts.artifact import CARD, VECTORS
from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import publish, publishing
from zoo.data import load
from zoo.inspection.inspector import Inspector
from zoo.intervals import Accuracy
from zoo.ort.session import open_session
from zoo.ort.signature import Signature, logits

NAME = "mlp-digits"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


@pytest.fixture(autouse=True)
def _one_process(shared: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same process inspects for all tests here: starting one takes longer than most of them."""
    monkeypatch.setattr(verify, "Inspector", lambda *bounds: nullcontext(shared))


def facts_of(card: Card, precision: str) -> dict[str, str]:
    """What a file of the card says of itself."""
    lists = {"class_names": card.class_names, "mean": card.mean, "std": card.std}
    accuracy = {"correct": card.accuracy.correct, "images": card.accuracy.images}
    texts = ("model", "framework", "dataset", "fingerprint", "view", "input", "weights")
    return {
        **{name: json.dumps(list(value)) for name, value in lists.items()},
        **{name: getattr(card, name) for name in texts},
        "min_onnxruntime": card.precisions[precision].min_onnxruntime,
        "recipe": json.dumps(card.recipe),
        "versions": json.dumps(card.versions),
        "seed": str(card.seed),
        "accuracy": json.dumps(accuracy),
        "precision": precision,
    }


@pytest.fixture
def exports(
    tmp_path: Path,
    tiny_onnx: Callable[..., Path],
    make_card: Callable[..., Card],
    write_tensor: Callable[[Path, np.ndarray], None],
) -> Path:
    """A published artifact, as true as can be: its card was measured."""
    data = load("digits")
    bare = tiny_onnx("bare.onnx", size=(32, 32), classes=10, metadata={})
    session = open_session(bare, threads=1)
    signature = Signature.of(session)
    found = logits(session, signature, data.test.images)
    card = make_card(
        id=NAME,
        model="mlp",
        dataset=data.name,
        fingerprint=data.fingerprint,
        class_names=data.class_names,
        image_shape=data.image_shape,
        accuracy=Accuracy.of(found.argmax(axis=1) == data.test.labels),
    )
    root = tmp_path / "exports"
    with publishing(NAME, root) as folder:
        for precision in card.precisions:
            model = onnx.load(bare)
            helper.set_model_props(model, facts_of(card, precision))
            onnx.save(model, folder / f"{precision}.onnx")
        write_tensor(folder / VECTORS / "input_0.pb", data.test.images[:8])
        write_tensor(folder / VECTORS / "output_0.pb", found[:8])
        (folder / CARD).write_text(json.dumps(asdict(card)))
        publish(NAME, manifest_facts(card), folder)
    return root
