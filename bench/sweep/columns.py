"""The groups of a row that are known without timing: the request, the runtime and the card."""

from typing import Any

from bench.results.rows import Asked, Model, Ran, Scored
from bench.subjects.arm import Arm
from bench.sweep.matrix import Cell
from zoo.intervals import Accuracy
from zoo.ort.providers import short_name


def asked(cell: Cell) -> Asked:
    """What a cell is."""
    arm, subject = cell.arm, cell.arm.subject
    return Asked(
        subject=subject.name,
        precision=subject.precision,
        runtime=arm.runtime,
        provider=arm.provider,
        boundary=arm.boundary,
        threads=arm.threads,
        batch=cell.batch,
        scenario=cell.scenario,
        cuda_graph=None if arm.provider == "cpu" else arm.cuda_graph,
    )


def model_of(arm: Arm) -> Model:
    """The arm's file, its card's facts, and the cost of its graph."""
    subject, card, cost = arm.subject, arm.subject.card, arm.subject.cost
    return Model(
        model=card.model if card else None,
        family=card.family if card else None,
        framework=card.framework if card else None,
        dataset=subject.dataset,
        parameters=cost.parameters if cost else None,
        macs=cost.macs if cost else None,
        opset=(cost.opset or None) if cost else None,
        file_precision=(cost.precision or None) if cost else None,
        file_bytes=subject.bytes or None,
        sha256=subject.sha256 or None,
    )


def ran(told: dict[str, Any], provider: str, inputs: str | None) -> Ran:
    """What a runtime reports about itself. inputs: which images it was run on."""
    nodes: dict[str, int] = told.get("nodes", {})
    there = sum(n for name, n in nodes.items() if short_name(name) == short_name(provider))
    return Ran(
        runtime_version=told["runtime_version"],
        computed_in=told.get("computed_in"),
        settings=told.get("settings"),
        nodes=sum(nodes.values()) or None,
        placed_share=there / sum(nodes.values()) if nodes else None,
        elsewhere="; ".join(told.get("elsewhere", ())) or None,
        constants_elsewhere="; ".join(told.get("constants_elsewhere", ())) or None,
        tf32=told.get("tf32"),
        conv_search=told.get("conv_search"),
        inputs=inputs,
    )


def from_card(arm: Arm, reason: str) -> Scored:
    """The accuracy on the card, if it is not measured, and the reason."""
    said, card = of_card(arm), arm.subject.card
    if said is None or card is None:
        return Scored(accuracy_reason=reason)
    return Scored(
        **accuracy_columns(said),
        classes=len(card.class_names),
        accuracy_source="card",
        accuracy_reason=reason,
    )


def of_card(arm: Arm) -> Accuracy | None:
    """The accuracy on the file's card."""
    card = arm.subject.card
    return card.precisions[arm.subject.precision].accuracy if card else None


def accuracy_columns(found: Accuracy) -> dict[str, Any]:
    """The columns of an accuracy with its interval."""
    return {
        "accuracy": found.share,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "correct": found.correct,
        "images": found.images,
    }
