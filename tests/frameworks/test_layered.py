"""The graph of a stack of linear layers."""

import numpy as np
import onnx
from onnx import numpy_helper

from zoo.frameworks.layered import layered
from zoo.ort.signature import PIXELS


def test_the_factors_of_pixels_are_of_the_shape_of_an_image() -> None:
    """Three values along the last axis are repeated slowly by onnxruntime."""
    weights = np.ones((2, 4 * 5 * 3), np.float32), np.zeros(2, np.float32)
    scale = (0.1, 0.2, 0.3), (0.25, 0.5, 1.0)
    model = layered([weights], "Relu", (4, 5, 3), scale, form=PIXELS, opset=20)
    onnx.checker.check_model(model, full_check=True)
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for name, wanted in {
        "pixel_scale": [1 / (255 * std) for std in scale[1]],
        "pixel_offset": [-mean / std for mean, std in zip(*scale, strict=True)],
    }.items():
        assert stored[name].shape == (4, 5, 3)
        np.testing.assert_array_equal(
            stored[name].reshape(-1, 3), np.tile(np.float32(wanted), (20, 1))
        )
