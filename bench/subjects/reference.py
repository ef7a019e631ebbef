"""`bench --reference`: the measured model that all others are compared with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.subjects.subject import Subject, is_file
from zoo.artifacts.artifact import find_artifact
from zoo.errors import UsageError


def find_reference(target: str, subjects: Sequence[Subject], exports: Path | None) -> Subject:
    """The fp32 file of the named model, or the third-party file; it must be one of the subjects."""
    name = str(Path(target)) if is_file(target) else find_artifact(target, exports).id
    found = [one for one in subjects if one.name == name]
    if not found:
        measured = ", ".join(dict.fromkeys(one.name for one in subjects))
        raise UsageError(
            f"--reference {target}: it is not among the models measured ({measured}). Name it as "
            "a model too."
        )
    subject = next((one for one in found if one.precision == "fp32"), found[0])
    if subject.problem:
        raise UsageError(f"--reference {target} cannot be measured: {subject.problem}")
    if subject.artifact is None or subject.precision == "fp32":
        return subject
    listed = subject.artifact.entry["files"]["fp32.onnx"]
    return replace(
        subject,
        precision="fp32",
        path=subject.artifact.file("fp32"),
        sha256=listed["sha256"],
        bytes=listed["bytes"],
    )
