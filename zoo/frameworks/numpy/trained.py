"""A finished MLP: what it says of images, and the same as an ONNX graph."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zoo.data.dataset import Images
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.numpy.batches import Batches
from zoo.frameworks.numpy.blas import our_threads
from zoo.frameworks.numpy.network import Network, forward_propagation
from zoo.frameworks.numpy.training import EVALUATION_BATCH
from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.outputs import LOGITS
from zoo.ort.signature import IMAGE, PIXELS
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedMlp(Trained):
    """Layers, behind the standardisation of pixels that they were trained with."""

    def __init__(self, card: RunCard, network: Network) -> None:
        self.card = card
        self.network = network

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        batches = Batches(images, self.card.mean, self.card.std)
        parts: list[Values] = []
        with (progress or Progress()).task("evaluate", len(images)) as advance, our_threads():
            for start in range(0, len(images), EVALUATION_BATCH):
                rows = batches.plain(slice(start, start + EVALUATION_BATCH))
                parts.append(forward_propagation(self.network, rows)[-1])
                advance(len(rows))
        return np.concatenate(parts)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        """One node for each step of forward propagation; the weights keep their names."""
        height, width, channels = self.card.image_shape
        pixels = form == PIXELS
        shape = (height, width, channels) if pixels else (channels, height, width)
        nodes, tensors = self._standardised() if pixels else self._channels_last()
        nodes.append(helper.make_node("Flatten", ["pixels"], ["flow"]))
        flow = "flow"
        for place, layer in enumerate(self.network):
            last = place == len(self.network) - 1
            weight, bias, sums = f"{place}.weight", f"{place}.bias", f"sums.{place}"
            tensors |= {weight: layer.weight, bias: layer.bias}
            made = LOGITS if last else sums
            nodes.append(helper.make_node("Gemm", [flow, weight, bias], [made], transB=1))
            if not last:
                flow = f"flow.{place}"
                nodes.append(helper.make_node("Sigmoid", [sums], [flow]))
        given = helper.make_tensor_value_info(
            IMAGE, TensorProto.UINT8 if pixels else TensorProto.FLOAT, ("batch", *shape)
        )
        found = helper.make_tensor_value_info(
            LOGITS, TensorProto.FLOAT, ("batch", len(self.network[-1].bias))
        )
        stored = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
        graph = helper.make_graph(nodes, "network", [given], [found], stored)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset)],
            ir_version=IR_VERSIONS[opset],
        )

    def _standardised(self) -> tuple[list[onnx.NodeProto], dict[str, Values]]:
        """From raw pixels uint8 [batch, height, width, channels]."""
        mean, std = np.array(self.card.mean), np.array(self.card.std)
        tensors = {
            "pixel_scale": (1 / (255 * std)).astype(np.float32),
            "pixel_offset": (-mean / std).astype(np.float32),
        }
        nodes = [
            helper.make_node("Cast", [IMAGE], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "pixel_scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "pixel_offset"], ["pixels"]),
        ]
        return nodes, tensors

    def _channels_last(self) -> tuple[list[onnx.NodeProto], dict[str, Values]]:
        """From standardised floats [batch, channels, height, width], as the layers know pixels."""
        return [helper.make_node("Transpose", [IMAGE], ["pixels"], perm=[0, 2, 3, 1])], {}
