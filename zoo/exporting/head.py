"""The head of a transfer alone, as a file that takes latents: for whoever has those already."""

import numpy as np
import onnx
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from zoo.data import Dataset
from zoo.errors import ZooError
from zoo.exporting.gate import BATCHES, FEW, GateError
from zoo.exporting.original import Original, file_bytes
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.convert import LATENTS, convert_head
from zoo.ort.session import open_session
from zoo.parity import GATE, largest, tolerance
from zoo.transfer.network import Transfer

HEAD = "head.onnx"


def head_file(original: Original, network: Transfer, data: Dataset) -> bytes:
    """The file, after it gave what the network gives, on the latents of test images."""
    latents, wanted = _seen(original, network, data)
    graph = convert_head(network.head, latents.shape[1], original.opset)
    content = file_bytes(original, ir.to_proto(graph), "fp32", extra={"input": LATENTS})
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
                f"the network's; allowed are {bound:.3g}. Nothing was published."
            )
    return content


@torch.inference_mode()
def _seen(
    original: Original, network: Transfer, data: Dataset
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Latents and logits of a few test images, from the whole network."""
    card = original.card
    images = torch.from_numpy(data.test.images[:FEW])
    maker = BatchMaker(images, card.mean, card.std, card.recipe, torch.device("cpu"))
    network = network.cpu().eval()
    parts = [
        (network.latents(pixels), network(pixels))
        for pixels in map(maker.plain, torch.split(images, BATCHES[2]))
    ]
    if not parts:
        raise ZooError("there are no test images to judge the head by.")
    latents, logits = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return latents, logits
