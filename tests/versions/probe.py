"""Run files on stored images in an environment that has onnxruntime and numpy, nothing else.

python probe.py FOLDER: files FOLDER/<number>.onnx, each with <number>.npz beside it (`images`). The
answer is a line of JSON: versions, and by number either the logits of the images one by one and
repeated to a batch of 64, or the problem.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy
import onnxruntime

LARGE = 64  # images in the large batch
_FATAL = 4  # what is logged below this does not stop a file


def main() -> None:
    """Run every file of the folder."""
    onnxruntime.set_default_logger_severity(_FATAL)
    folder = Path(sys.argv[1])
    found = {path.stem: answer(path) for path in sorted(folder.glob("*.onnx"))}
    versions = {"onnxruntime": onnxruntime.__version__, "numpy": numpy.__version__}
    print(json.dumps({"versions": versions, "files": found}))


def answer(path: Path) -> dict[str, Any]:
    """Logits of a file, or why there are none."""
    images = numpy.load(path.with_suffix(".npz"))["images"]
    repeated = numpy.concatenate([images] * (LARGE // len(images)))
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        single = [session.run(["logits"], {name: image[None]})[0] for image in images]
        large = session.run(["logits"], {name: repeated})[0]
    except Exception as error:  # each release has errors of its own
        return {"problem": str(error).splitlines()[0]}
    return {"1": numpy.concatenate(single).tolist(), str(LARGE): large.tolist()}


if __name__ == "__main__":
    main()
