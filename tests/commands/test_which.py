"""Where a model's name could mean several artifacts, every command says which one it took."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import publish, publishing

TOLD = "cnn is cnn-cifar10 here; also published: cnn-digits"


@pytest.fixture
def two(tmp_path: Path, make_card: Callable[..., Card]) -> Path:
    """An exports folder with two artifacts of cnn, whose files are not models."""
    root = tmp_path / "exports"
    for name in ("cnn-cifar10", "cnn-digits"):
        card = make_card(id=name)
        with publishing(name, root) as folder:
            for precision in card.precisions:
                (folder / f"{precision}.onnx").write_bytes(b"net")
            (folder / "card.json").write_text(json.dumps(asdict(card)))
            publish(name, manifest_facts(card), folder)
    return root


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("bench", "cnn", "--dry-run"), 0),
        (("bench", "cnn", "--dry-run", "--json"), 0),
        (("verify", "cnn", "--no-accuracy"), 1),
        (("verify", "cnn", "--no-accuracy", "--json"), 1),
        (("compare", "cnn", "cnn", "--precision", "fp32,int8"), 1),
        (("test", "cnn"), 1),
        (("predict", "cnn", "image.png"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_it_is_said_once_and_not_among_the_answers(
    call: Callable[..., Result], two: Path, words: tuple[str, ...], code: int
) -> None:
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save("image.png")
    done = call(*words, "--exports", two, code=code)
    assert done.stderr.count(TOLD) == 1
    assert TOLD not in done.stdout


def test_an_id_needs_no_words(call: Callable[..., Result], two: Path) -> None:
    assert "here;" not in call("bench", "cnn-digits", "--dry-run", "--exports", two).stderr
