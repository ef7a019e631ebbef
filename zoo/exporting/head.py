"""The head of a model as a separate file, which takes latents."""

from collections.abc import Mapping

import numpy as np
import onnx

from zoo.data import Dataset
from zoo.errors import ZooError
from zoo.exporting.gate import BATCHES, FEW, GateError
from zoo.exporting.original import Original, file_bytes
from zoo.frameworks.framework import Trained
from zoo.ort.session import open_session
from zoo.ort.signature import LATENTS
from zoo.parity import GATE, largest, tolerance

HEAD = "head.onnx"
_TAKES: Mapping[str, str] = {"input": LATENTS}


def head_file(original: Original, trained: Trained, data: Dataset) -> bytes | None:
    """The head's file, checked against the model on the latents of test images.

    None for a model without a separate head.
    """
    graph, images = trained.head(original.opset), data.test.images[:FEW]
    if graph is None:
        return None
    if not len(images):
        raise ZooError("there are no test images to judge the head by.")
    latents, wanted = trained.latents(images), trained.logits(images)
    if latents is None:
        raise AssertionError(f"a {original.card.model} with a head and without latents")
    content = file_bytes(original, graph, "fp32", extra=_TAKES)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = open_session(content, name=HEAD)
    bound = tolerance(GATE.logits, largest(wanted))
    for batch in BATCHES:
        parts = [
            session.run({LATENTS: latents[at : at + batch]})[0]
            for at in range(0, len(latents), batch)
        ]
        try:
            difference = largest(np.concatenate(parts) - wanted)
        except ValueError as error:
            raise GateError(f"the gate refuses {HEAD}: {error}. Nothing was published.") from error
        if not difference <= bound:
            raise GateError(
                f"the gate refuses {HEAD}: at batch {batch} a logit is {difference:.3g} away from "
                f"the network's; allowed: {bound:.3g}. Nothing was published."
            )
    return content
