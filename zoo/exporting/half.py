"""The same graph with float16 weights and activations; pixels and logits stay as they are."""

import warnings

import onnx

from zoo.providers import load_onnxruntime


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of an fp32 model that computes in fp16; input and output keep their types."""
    load_onnxruntime()
    from onnxruntime.transformers.float16 import convert_float_to_float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with warnings.catch_warnings():
        # Of weights too small for fp16: the gate measures what is lost.
        warnings.simplefilter("ignore")
        half: onnx.ModelProto = convert_float_to_float16(copy, keep_io_types=True)
    return half
