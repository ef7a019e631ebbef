"""`layers`: the tensors between the layers of a model, for one image."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.actions.opening import OpenedSource, Source, find_source, open_source
from zoo.data.dataset import Images
from zoo.errors import UsageError, ZooError
from zoo.graphs.anatomy import Anatomy, Filters, Layer, LayerTimes
from zoo.inspection.inspector import Inspector
from zoo.inspection.remote import RemoteSession
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.ort.session import Opened, open_session
from zoo.ort.signature import Signature
from zoo.progress import Progress

SECONDS = 120.0  # for each run of a third-party file

Tensor = NDArray[Any]


@dataclass(frozen=True)
class Inside:
    """What was found inside a model that was shown one image."""

    layers: tuple[Layer, ...]  # in order of flow
    values: dict[str, Tensor]  # by layer name, without the batch axis
    filters: Filters | None
    weights: Tensor | None  # the filters themselves


def layers(
    model: str | Path,
    image: Images,
    *,
    precision: str | None = None,
    exports: Path | None = None,
    given: Given | None = None,
    seconds: float = SECONDS,
    memory: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """The output of each layer for one image, by the layer's name, in graph order.

    model: an artifact by id or model name, or an ONNX file. image: uint8 [H, W, C] of the model's
    size. precision: for an artifact; default fp32. given, seconds, memory: for a third-party file,
    which runs in a separate process, as in `predict`.

    onnxruntime computes them on this CPU from a copy of the graph that has these tensors as
    additional outputs. Nodes that are fused in the file itself may run one by one in the copy, so
    the last bits can differ. For an int8 file, each tensor is the one after rounding.
    """
    progress = progress or Progress()
    source = find_source(model, precision, exports)
    with ExitStack() as stack:
        inspector = stack.enter_context(Inspector(seconds, memory))
        here = Here.found()
        opened = open_source(
            stack, source, inspector, "cpu", given or Given(), None, here, progress
        )
        return look_inside(source, opened, inspector, image).values


def look_inside(
    source: Source, opened: OpenedSource, inspector: Inspector, image: Images
) -> Inside:
    """Run one image through a copy that outputs its layers; ends a third-party file's session."""
    signature = opened.signature
    feeds = _feeds(signature, image)
    with ExitStack() as stack:
        session, anatomy = open_inside(stack, source, inspector)
        outputs = (output.name for output in session.outputs)
        given = dict(zip(outputs, session.run(feeds), strict=True))
    batch = signature.batch or 1
    return Inside(
        layers=anatomy.layers,
        values={layer.name: _of_one(given[layer.tensor], batch) for layer in anatomy.layers},
        filters=anatomy.filters,
        weights=given[anatomy.filters.tensor] if anatomy.filters else None,
    )


def time_inside(source: Source, opened: OpenedSource, image: Images) -> LayerTimes:
    """Where the time of the file itself goes, by layer, on this CPU."""
    feeds = _feeds(opened.signature, image)
    if isinstance(opened.session, RemoteSession):
        return opened.session.time_layers(feeds)
    if isinstance(source.file, Path):
        raise ZooError(f"{source.title} is not open in the process that it runs in.")
    from onnx import ModelProto

    from zoo.ort.layer_times import time_layers

    content = source.file.content(f"{source.precision}.onnx")
    return time_layers(ModelProto.FromString(content), feeds, source.title)


def norms_folded(source: Source) -> dict[str, tuple[str, ...]]:
    """For each layer of an artifact's file, the layers of its fp32 file that are merged into it.

    Quantising folds normalisations into the products before them and rounds only what comes out, so
    what was in between has no separate tensor.
    """
    if isinstance(source.file, Path) or source.precision == "fp32":
        return {}
    from onnx import ModelProto

    from zoo.graphs.layers import anatomy_of

    exact, own = (
        [layer.name for layer in anatomy_of(model).layers]
        for model in (
            ModelProto.FromString(source.file.content(f"{precision}.onnx"))
            for precision in ("fp32", source.precision)
        )
    )
    found: dict[str, tuple[str, ...]] = {}
    gone: list[str] = []
    for name in exact:
        here = next((one for one in own if one == name or one.startswith(f"{name}.")), None)
        if here is None:
            gone.append(name)
        elif gone:
            found[here], gone = tuple(gone), []
    return found


def open_inside(
    stack: ExitStack, source: Source, inspector: Inspector, provider: str = "cpu"
) -> tuple[Opened, Anatomy]:
    """Open a session that also outputs the layers' tensors, until the stack is unwound.

    This ends the other session of a third-party file.
    """
    session, anatomy = _open(stack, source, inspector, provider)
    if not anatomy.layers:
        raise ZooError(f"{source.title} has no layer that can be looked at.")
    return session, anatomy


def _feeds(signature: Signature, image: Images) -> dict[str, Tensor]:
    """One image, repeated to fill the batch of a call."""
    if not isinstance(image, np.ndarray) or image.ndim != 3:
        raise UsageError("layers takes one image: an array uint8 [height, width, channels].")
    return signature.prepare(np.repeat(image[None], signature.batch or 1, axis=0))


def _open(
    stack: ExitStack, source: Source, inspector: Inspector, provider: str
) -> tuple[Opened, Anatomy]:
    if isinstance(source.file, Path):
        remote = RemoteSession(inspector, source.file, provider, layers=True)
        stack.enter_context(closing(remote))
        if remote.anatomy is None:
            raise ZooError(f"{source.title}: its layers were not returned.")
        return remote, remote.anatomy
    from onnx import ModelProto

    from zoo.graphs.layers import opened_up

    content = source.file.content(f"{source.precision}.onnx")
    model, anatomy = opened_up(ModelProto.FromString(content))
    opened = open_session(model.SerializeToString(), name=source.title, provider=provider)
    return opened, anatomy


def _of_one(value: Tensor, batch: int) -> Tensor:
    """Without the batch axis, if the first axis can be one."""
    return value[0] if value.ndim and len(value) == batch else value
