"""`export --check`: whether exporting a published run again gives the same files."""

from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from zoo.actions.trained import load_trained
from zoo.artifacts.artifact import find_artifact
from zoo.exporting.formats import make_formats
from zoo.exporting.original import file_bytes, find_original
from zoo.ort.compatibility import OPSET
from zoo.ort.signature import PIXELS
from zoo.progress import Progress


@dataclass(frozen=True)
class Reproduction:
    """Whether exporting again gives the published bytes of one file."""

    file: str
    same: bool
    why: tuple[str, ...] = ()  # they differ


def check(
    name: str,
    *,
    run: Path | None = None,
    form: str = PIXELS,
    exports: Path | None = None,
    progress: Progress | None = None,
) -> list[Reproduction]:
    """Export a published run again, as its card says, and compare the bytes."""
    progress = progress or Progress()
    original = find_original(name, run, form, OPSET)
    artifact = find_artifact(original.id, exports)
    card = artifact.card
    original = replace(original, opset=card.opset)
    trained = load_trained(original.run, original.card)
    made = make_formats(original, trained, artifact.precisions, None, progress, card)
    found = []
    for precision, model in made.models.items():
        published = artifact.content(f"{precision}.onnx")
        again = file_bytes(original, model, precision, _of_earlier_exports(published))
        why = () if again == published else _differences(published, again)
        found.append(Reproduction(f"{precision}.onnx", again == published, why))
    return found


def _of_earlier_exports(published: bytes) -> dict[str, str]:
    """What earlier exports stamped into a file after it was measured: its accuracy."""
    facts = onnx.load_from_string(published).metadata_props
    return {entry.key: entry.value for entry in facts if entry.key == "accuracy"}


def _differences(published: bytes, again: bytes) -> tuple[str, ...]:
    """Why two files differ: provenance, weights, or the graph."""
    old, new = (onnx.load_from_string(content) for content in (published, again))
    facts, now = ({p.key: p.value for p in m.metadata_props} for m in (old, new))
    reasons = [
        f"{key}: published {facts.get(key)}, now {now.get(key)}"
        for key in sorted({*facts, *now})
        if facts.get(key) != now.get(key)
    ]
    weights, tensors = ({t.name: t for t in m.graph.initializer} for m in (old, new))
    changed = [
        name for name in sorted({*weights, *tensors}) if weights.get(name) != tensors.get(name)
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        reasons.append(f"different values in {', '.join(changed[:3])}{more}")
    if list(old.graph.node) != list(new.graph.node):
        reasons.append(
            f"a different graph ({len(old.graph.node)} nodes published, {len(new.graph.node)} now)"
        )
    reasons += [
        f"a different {part} of the graph"
        for part in ("input", "output", "value_info")
        if list(getattr(old.graph, part)) != list(getattr(new.graph, part))
    ]
    reasons += [
        f"a different {part}"
        for part in ("ir_version", "opset_import", "producer_name")
        if getattr(old, part) != getattr(new, part)
    ]
    if not reasons:
        reasons.append("the same content, written differently")
    return tuple(reasons)
