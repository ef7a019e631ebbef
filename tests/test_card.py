"""A card comes back from card.json."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

from zoo.card import Card, FileCard
from zoo.intervals import Accuracy


def test_a_card_comes_back_as_it_was_written(make_card: Callable[..., Card]) -> None:
    accuracy = Accuracy(9, 10, 0.9, 0.5, 0.99)
    file = FileCard("fp32.onnx", accuracy, 10, {"1": 1e-6}, 1e-4, 12)
    card = make_card(
        mean=(0.1, 0.2, 0.3),
        with_views=accuracy,
        cpu_flags=("avx2",),
        versions={"torch": "2"},
        precisions={"fp32": file, "int8": replace(file, bound=None, emulated=10)},
        ranges={"Conv_0": (-1.0, 2.5)},
        float_layers=("Conv_0",),
    )
    assert Card.from_json(json.loads(json.dumps(asdict(card)))) == card
