"""`tox -e versions`: the published files in older and newer releases of onnxruntime, as a table.

Each release is installed into an environment of its own, for the CPU. A file is right where its
logits of the stored images, at batch 1 and repeated to 64, are those that are stored with it,
within the bounds that `verify` has. No fp16 file is published: one is made of each fp32 file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.artifacts.artifact import VECTORS, Artifact, list_artifacts
from zoo.exporting.half import to_half
from zoo.inspection.checks import check_vectors
from zoo.inspection.found import VectorRun
from zoo.machine.cpu import cpu_name, vector_flags
from zoo.ort.providers import load_onnxruntime

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "onnxruntime-versions.md"
_PAGE = """# The published files in releases of onnxruntime

Run on {day} by `tox -e versions`, on {cpu}
(CPU features: {flags}). {amx}

Each file is run on the images stored with it, one by one and repeated to a batch of 64, in an
environment with the CPU build of that release and numpy ({numpys}).
`ok` means that every logit is within the tolerance of `verify`; the number is the largest
difference. The stored logits are those of fp32. No fp16 files are published: the ones here are made
from the fp32 files, and are `ok` if every image gets the same class. The first column is the oldest
release that a card names.

{table}
"""
BETWEEN = ("1.20", "1.22", "1.24", "1.25")
FIRST_WITH_NUMPY_2 = (1, 19)


@dataclass(frozen=True)
class File:
    """One file to run. wanted: float32 [N, classes], the logits stored with its images."""

    artifact: Artifact
    precision: str
    content: bytes
    images: NDArray[Any]
    wanted: NDArray[np.float32]

    @property
    def title(self) -> str:
        """As the table names it."""
        return f"{self.artifact.id} {self.precision}"


def files_of(exports: Path) -> list[File]:
    """Every published file that takes images, and an fp16 one made of each of fp32."""
    found = []
    for artifact in list_artifacts(exports):
        contents = {name: artifact.content(f"{name}.onnx") for name in artifact.precisions}
        if "fp16" not in contents:
            half = to_half(onnx.load_from_string(contents["fp32"]))
            contents["fp16"] = half.SerializeToString(deterministic=True)
        images, wanted = (_vector(artifact, name) for name in ("input_0.pb", "output_0.pb"))
        found += [
            File(artifact, precision, content, images, wanted)
            for precision, content in sorted(contents.items())
        ]
    return found


def _vector(artifact: Artifact, name: str) -> NDArray[Any]:
    content = artifact.content(f"{VECTORS}/{name}")
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(content))


def releases(files: Sequence[File], installed: str) -> list[str]:
    """The oldest that a card names, those between, and the installed one; each once, in order."""
    promised = {file.artifact.card.precisions[name].min_onnxruntime
                for file in files for name in file.artifact.precisions}  # fmt: skip
    oldest = min(promised, key=_numbers)
    return sorted({oldest, *BETWEEN, installed}, key=_numbers)


def requirements(release: str) -> list[str]:
    """What pip installs: the last of a release such as 1.24, with a numpy that it works with."""
    last = f"onnxruntime=={release}" + (".*" if release.count(".") == 1 else "")
    return [last, "numpy" if _numbers(release) >= FIRST_WITH_NUMPY_2 else "numpy<2"]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def run(release: str, files: Sequence[File], folder: Path) -> dict[str, Any]:
    """What the probe says in an environment with that release; `problem` where there is none."""
    place = folder / release
    venv.create(place, with_pip=False)
    python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    installed = subprocess.run([*pip, *requirements(release)], capture_output=True, text=True)
    if installed.returncode:
        return {"problem": f"not installed: {installed.stderr.strip().splitlines()[-1]}"}
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for number, file in enumerate(files):
        (models / f"{number}.onnx").write_bytes(file.content)
        np.savez(models / f"{number}.npz", images=file.images)
    probe = Path(__file__).with_name("probe.py")
    done = subprocess.run([python, "-I", probe, models], capture_output=True, text=True)
    if done.returncode:
        return {"problem": f"exit code {done.returncode}: {done.stderr.strip()[-200:]}"}
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def verdict(file: File, answers: Mapping[str, Any]) -> str:
    """A cell of the table: `ok` and the largest difference, or what is wrong."""
    if "problem" in answers:
        return f"**fails**: {answers['problem']}"
    judged = [_judged(file, np.asarray(logits), batch) for batch, logits in answers.items()]
    wrong = [text for fine, _, text in judged if not fine]
    if wrong:
        return f"**wrong**: {'; '.join(wrong)}"
    return f"ok, {max(apart for _, apart, _ in judged):.1g}"


def _judged(file: File, logits: NDArray[np.float64], batch: str) -> tuple[bool, float, str]:
    """Whether the logits of a batch size are right, how far they are away, and that in words."""
    wanted = np.concatenate([file.wanted] * (len(logits) // len(file.wanted)))
    same = int((logits.argmax(axis=1) == wanted.argmax(axis=1)).sum())
    apart = float(np.abs(logits - wanted).max())
    found = VectorRun("", len(wanted), same, apart, float(np.abs(wanted).max()))
    if file.precision in file.artifact.precisions:
        fine = check_vectors(found, file.precision, file.artifact.card)[0] == "ok"
    else:
        fine = same == len(wanted)
    words = f"batch {batch}: {same} of {len(wanted)} images get the same class, {apart:.1g} away"
    return fine, apart, words


def page(files: Sequence[File], answers: Mapping[str, Mapping[str, Any]], day: str) -> str:
    """The whole page, as markdown. answers: of the probe, by release; day: when it was run."""
    tried = [release for release, found in answers.items() if "problem" not in found]
    heads = [
        f"{answers[release]['versions']['onnxruntime']}" if release in tried else release
        for release in answers
    ]
    rows = [["file", *heads], ["---"] * (len(heads) + 1)]
    for number, file in enumerate(files):
        cells = [
            verdict(file, found.get("files", {}).get(str(number), found))
            for found in answers.values()
        ]
        rows.append([file.title, *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    numpys = ", ".join(
        f"{answers[release]['versions']['numpy']} with {release}" for release in tried
    )
    return _PAGE.format(
        day=day, cpu=cpu_name(), flags=", ".join(vector_flags()) or "none", amx=_about_amx(),
        table=table, numpys=numpys,
    )  # fmt: skip


def _about_amx() -> str:
    if "amx_int8" in vector_flags():
        return "This machine has AMX."
    return (
        "This machine has no AMX, so the table proves nothing about\n"
        "CPUs with AMX. Under onnxruntime 1.21.0 to 1.24.4 these compute wrong sums if an integer\n"
        "product has more than 16 outputs and their number is not a multiple of 16\n"
        "(onnxruntime issue 26324). The gate refuses int8 files with such a product."
    )


def main() -> None:
    """Run every release and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=Path, default=ROOT / "exports")
    parser.add_argument("--out", type=Path, default=PAGE)
    asked = parser.parse_args()
    files = files_of(asked.exports)
    answers = {}
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        for release in releases(files, str(load_onnxruntime().__version__)):
            print(f"onnxruntime {release}", flush=True)
            answers[release] = run(release, files, Path(folder))
    asked.out.write_text(page(files, answers, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    print(f"wrote {asked.out}")


if __name__ == "__main__":
    main()
