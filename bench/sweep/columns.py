"""The columns of a row that are known without a clock: what was asked, what engine and card say."""

from typing import Any

from bench.measuring.harness import harness
from bench.results.rows import Row
from bench.subjects.arm import Arm
from bench.sweep.matrix import Cell, Settings
from zoo.intervals import Accuracy
from zoo.ort.providers import short_name


def asked(cell: Cell, settings: Settings, machine: str, where: str) -> Row:
    """The row of a cell before it is measured. where: see `Cell.hash`."""
    arm, subject, card = cell.arm, cell.arm.subject, cell.arm.subject.card
    return Row(
        subject=subject.name,
        precision=subject.precision,
        runtime=arm.runtime,
        provider=arm.provider,
        boundary=arm.boundary,
        cuda_graph=None if arm.provider == "cpu" else arm.cuda_graph,
        threads=arm.threads,
        batch=cell.batch,
        scenario=cell.scenario,
        model=card.model if card else None,
        family=card.family if card else None,
        dataset=subject.dataset,
        parameters=card.parameters if card else None,
        macs=card.macs if card else None,
        file_bytes=subject.bytes or None,
        sha256=subject.sha256 or None,
        preset=settings.preset.name,
        machine=machine,
        harness=harness(arm.runtime),
        cell=cell.hash(settings, where),
    )


def ran(told: dict[str, Any], provider: str) -> dict[str, Any]:
    """The columns of what an engine says of itself."""
    nodes: dict[str, int] = told["nodes"]
    there = sum(n for name, n in nodes.items() if short_name(name) == short_name(provider))
    return {
        "runtime_version": told["engine"],
        "tf32": told["tf32"],
        "conv_search": told["conv_search"],
        "elsewhere": "; ".join(told["elsewhere"]) or None,
        "nodes": sum(nodes.values()) or None,
        "placed_share": there / sum(nodes.values()) if nodes else None,
    }


def from_card(arm: Arm, reason: str) -> dict[str, Any]:
    said = of_card(arm)
    if said is None:
        return {"accuracy_reason": reason}
    assert arm.subject.card
    return {
        **accuracy_columns(said),
        "classes": len(arm.subject.card.class_names),
        "accuracy_source": "card",
        "accuracy_reason": reason,
    }


def of_card(arm: Arm) -> Accuracy | None:
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
