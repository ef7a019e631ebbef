"""A card comes back from card.json."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from zoo.artifacts.card import Card, FileCard, Remade
from zoo.intervals import Accuracy


def test_a_card_comes_back_as_it_was_written(make_card: Callable[..., Card]) -> None:
    accuracy = Accuracy(9, 10, 0.9, 0.5, 0.99)
    file = FileCard("fp32.onnx", accuracy, 10, {"1": 1e-6}, 1e-4, 12, "1.17")
    remade = Remade("here", ("avx2",), {"onnx": "1.23"})
    card = make_card(
        mean=(0.1, 0.2, 0.3),
        with_views=accuracy,
        cpu_flags=("avx2",),
        versions={"torch": "2"},
        precisions={"fp32": file, "int8": replace(file, bound=None, emulated=10, remade=remade)},
        ranges={"Conv_0": (-1.0, 2.5)},
        float_layers=("Conv_0",),
    )
    assert Card.from_json(json.loads(json.dumps(asdict(card)))) == card


def test_a_card_of_earlier_names_the_oldest_onnxruntime_once(
    make_card: Callable[..., Card],
) -> None:
    card = make_card()
    earlier = json.loads(json.dumps(asdict(card)))
    for file in earlier["precisions"].values():
        del file["min_onnxruntime"], file["remade"]
    assert Card.from_json(earlier | {"min_onnxruntime": "1.17"}) == card
    with pytest.raises(ValueError, match="has no min_onnxruntime"):
        Card.from_json(earlier)
    for damaged in (3, {"fp32": 3}):
        with pytest.raises(ValueError, match=r"card\.precisions"):
            Card.from_json(earlier | {"min_onnxruntime": "1.17", "precisions": damaged})
