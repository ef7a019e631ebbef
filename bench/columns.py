"""The columns of a row that an engine or a card says, as they are written."""

from typing import Any

from bench import matrix
from zoo.intervals import Accuracy
from zoo.providers import short_name


def ran(told: dict[str, Any], provider: str) -> dict[str, Any]:
    """The columns of what an engine says of itself."""
    nodes: dict[str, int] = told["nodes"]
    there = sum(n for name, n in nodes.items() if short_name(name) == short_name(provider))
    return {
        "engine": told["engine"],
        "tf32": told["tf32"],
        "conv_search": told["conv_search"],
        "elsewhere": "; ".join(told["elsewhere"]) or None,
        "nodes": sum(nodes.values()) or None,
        "placed_share": there / sum(nodes.values()) if nodes else None,
    }


def from_card(arm: matrix.Arm, reason: str) -> dict[str, Any]:
    said = of_card(arm)
    if said is None:
        return {"accuracy_reason": reason}
    return {**accuracy_columns(said), "accuracy_source": "card", "accuracy_reason": reason}


def of_card(arm: matrix.Arm) -> Accuracy | None:
    """The accuracy that the file's card says it has."""
    card = arm.subject.card
    return card.precisions[arm.subject.precision].accuracy if card else None


def accuracy_columns(found: Accuracy) -> dict[str, Any]:
    return {
        "accuracy": found.share,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "correct": found.correct,
        "images": found.images,
    }
