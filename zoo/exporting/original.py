"""What is exported: a finished run, and the facts stamped into its files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx

from zoo.errors import UsageError, unknown_name
from zoo.frameworks.registry import find_framework
from zoo.ort.compatibility import IR_VERSIONS, oldest_run
from zoo.ort.providers import load_onnxruntime
from zoo.ort.signature import FORMS, PIXELS
from zoo.runs.naming import find_run
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import find_model


@dataclass(frozen=True)
class Original:
    """The run that is exported, and the input and opset of its files."""

    run: Run
    card: RunCard  # with the sha256 of the weights, also where run.json has none
    form: str  # of the files' input
    opset: int

    @property
    def id(self) -> str:
        """Of the artifact."""
        return self.card.id if self.form == PIXELS else f"{self.card.id}-{self.form}"


def find_original(name: str, folder: Path | None, form: str, opset: int) -> Original:
    """The finished run meant by a name, or in a folder, with the input and opset of its files."""
    if form not in FORMS:
        raise unknown_name("input", form, FORMS)
    if opset not in IR_VERSIONS:
        raise UsageError(
            f"--opset {opset} is not supported. Choose from {', '.join(map(str, IR_VERSIONS))}."
        )
    run = find_run(name, folder)
    return Original(run, run.finished_card(), form, opset)


def file_bytes(
    original: Original,
    model: onnx.ModelProto,
    precision: str,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """The file, stamped with its provenance; the same bytes for the same run and versions.

    Measurements are in the card: stamping them would change the file that was measured. extra:
    additional facts, or replacements of stamped ones.
    """
    stamped = onnx.ModelProto()
    stamped.CopyFrom(model)
    facts = _facts(original, precision) | dict(extra or {})
    onnx.helper.set_model_props(stamped, dict(sorted(facts.items())))
    content: bytes = stamped.SerializeToString(deterministic=True)
    return content


def _facts(original: Original, precision: str) -> dict[str, str]:
    card = original.card
    framework = find_model(card.model).framework
    facts: dict[str, Any] = {
        "class_names": list(card.class_names),
        "model": card.model,
        "framework": framework,
        "dataset": card.dataset,
        "fingerprint": card.fingerprint,
        "view": card.view,
        "recipe": card.told,
        "seed": str(card.options.seed or 0),
        "precision": precision,
        "input": original.form,
        "mean": list(card.mean),
        "std": list(card.std),
        "weights": original.card.weights,
        "versions": versions(framework),
        "min_onnxruntime": min_onnxruntime(original.opset, precision),
    }
    if card.design is not None:
        facts["design"] = asdict(card.design)
    return {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in facts.items()
    }


def versions(framework: str) -> dict[str, str]:
    """The versions of what made a file: its framework's packages, onnx and onnxruntime."""
    own = find_framework(framework).versions()
    return {name: version.partition("+")[0] for name, version in own.items()} | onnx_versions()


def onnx_versions() -> dict[str, str]:
    """Of what makes one file of another."""
    return {"onnx": onnx.__version__, "onnxruntime": str(load_onnxruntime().__version__)}


def min_onnxruntime(opset: int, precision: str) -> str:
    release = oldest_run(opset, IR_VERSIONS[opset], precision)
    if release is None:
        raise AssertionError("an opset newer than the table of onnxruntime's releases")
    return release
