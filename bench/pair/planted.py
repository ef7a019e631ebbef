"""Write models with a known difference in work, to test the benchmark.

python -m bench.pair.planted base.onnx --layers 40
python -m bench.pair.planted slower.onnx --layers 42      # 5% more of the same work
"""

from pathlib import Path

import click
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zoo.files import atomic
from zoo.ort.signature import PIXELS

_SIDE, _CHANNELS, _WIDTH, _CLASSES = 32, 3, 16, 10


def planted(layers: int) -> onnx.ModelProto:
    """A classifier of raw pixels that consists of `layers` equal convolutions and little else."""
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
    ]
    last = "pixels"
    for layer in range(layers + 1):
        inputs = _WIDTH if layer else _CHANNELS
        # He's scale keeps the values in range through any number of layers.
        scale = np.sqrt(2 / (9 * inputs)) / (1 if layer else 128)
        weights[f"w{layer}"] = random.normal(0, scale, (_WIDTH, inputs, 3, 3)).astype(np.float32)
        stride = 1 if layer else 2
        nodes += [
            helper.make_node(
                "Conv",
                [last, f"w{layer}"],
                [f"conv{layer}"],
                pads=[1, 1, 1, 1],
                strides=[stride, stride],
            ),
            helper.make_node("Relu", [f"conv{layer}"], [f"relu{layer}"]),
        ]
        last = f"relu{layer}"
    weights["head"] = random.normal(0, 1, (_WIDTH, _CLASSES)).astype(np.float32)
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "planted",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.UINT8, ["batch", _SIDE, _SIDE, _CHANNELS]
            )
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", _CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    helper.set_model_props(model, {"input": PIXELS})
    return model


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--layers", type=click.IntRange(min=1), default=40, show_default=True)
def main(out: Path, layers: int) -> None:
    """Write such a model to OUT, which must not exist yet."""
    if out.exists():
        raise click.UsageError(f"{out} exists. Name another file.")
    with atomic(out) as temporary:
        onnx.save(planted(layers), temporary)


if __name__ == "__main__":
    main()
