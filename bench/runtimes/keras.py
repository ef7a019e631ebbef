"""Keras: the model itself on its torch backend, with the weights of an artifact's fp32 file."""

import json
from typing import Any

from bench.runtimes.adapter import Demands, UnsupportedError
from bench.runtimes.torch import Torch

_ONLY = "keras runs the networks of this zoo that are written in keras"


class Keras(Torch):
    """A call of the model, `training=False`, after the same pixel normalisation.

    Its torch backend computes it, so threads, their cores and their waiting are torch's.
    """

    about = "networks of this zoo that are written in Keras, on its torch backend"
    packages = ("keras",)
    extra = "keras"
    start_seconds = 7.0

    @staticmethod
    def providers() -> tuple[str, ...]:
        """Where the zoo's Keras computes."""
        return ("cpu",)

    @staticmethod
    def unsupported(demands: Demands) -> str | None:
        """Refuse anything but this zoo's models with their trained weights."""
        if demands.third_party:
            return f"{_ONLY}; this is a third-party file"
        if demands.precision != "fp32":
            return f"keras runs the fp32 weights, not {demands.precision}"
        return None

    def what_ran(self) -> dict[str, Any]:
        """Keras, and the backend that computes for it, read back."""
        from zoo.frameworks.keras.backend import keras

        told = super().what_ran()
        threads = self.torch.get_num_threads()
        return told | {
            "runtime_version": f"keras {keras.__version__}",
            "settings": f"backend={told['runtime_version']} threads={threads}",
        }

    def _ready(self, path: str) -> tuple[Any, tuple[int, int, int]]:
        import onnx

        from zoo.ort.signature import PIXELS
        from zoo.specs.catalog import find_model

        proto = onnx.load(path)
        told = {entry.key: entry.value for entry in proto.metadata_props}
        if told.get("framework") != "keras" or told.get("input") != PIXELS:
            raise UnsupportedError(f"{_ONLY}, from files that take raw pixels")
        if find_model(told["model"]).way:
            raise UnsupportedError(
                f"keras does not run {told['model']}: its file holds no weights by name"
            )
        if told.get("precision") != "fp32":
            raise UnsupportedError(f"keras runs the fp32 weights, not {told.get('precision')}")
        height, width, channels = (
            side.dim_value for side in proto.graph.input[0].type.tensor_type.shape.dim[1:]
        )
        shape = (height, width, channels)
        return self._behind_pixels(_model(proto, told, shape), told), shape

    def _behind_pixels(self, model: Any, told: dict[str, str]) -> Any:
        mean, std = (self.torch.tensor(json.loads(told[name])) for name in ("mean", "std"))
        scale, offset = 1 / (255 * std), -mean / std
        return lambda images: model(images.float() * scale + offset, training=False)


def _model(proto: Any, told: dict[str, str], shape: tuple[int, int, int]) -> Any:
    """The model that the file was exported from, filled from it."""
    from zoo.frameworks.keras.backend import on_cpu
    from zoo.frameworks.keras.convert import as_torch, fill_from_torch
    from zoo.frameworks.keras.network import built
    from zoo.models.filling import stored_in
    from zoo.specs.catalog import find_model

    with on_cpu():
        model = built(find_model(told["model"]), shape, len(json.loads(told["class_names"])), 0)
        network = as_torch(model)
        stored = stored_in(proto, network)
        missing = [
            name
            for name in network.state_dict()
            if name not in stored and "num_batches" not in name
        ]
        if missing:
            raise UnsupportedError(
                f"the file lacks the weights {', '.join(missing[:3])}: it was not exported from "
                "this network"
            )
        try:
            fill_from_torch(model, stored)
        except ValueError as error:
            raise UnsupportedError(
                f"the file's weights do not fit {told['model']}: {error}"
            ) from error
    return model
