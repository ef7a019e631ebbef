"""What an image classifier in an ONNX file takes and gives, read from the file alone.

Files of this zoo say it themselves. Of others as much as their shapes tell is believed, and the
rest has to be given: nothing is guessed that could make a prediction wrong.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.data.class_names import parse_names
from zoo.data.dataset import Images
from zoo.data.pixels import LARGEST_SIDE
from zoo.errors import UsageError, ZooError
from zoo.ort.normalisation import GIVE_THEM, per_channel
from zoo.ort.session import Opened, TensorInfo

Layout = Literal["nhwc", "nchw"]
IMAGE, LATENTS, LOGITS = "image", "latents", "logits"  # what files of this zoo take and give
PIXELS, BARE = "uint8-nhwc", "float32-nchw"  # the forms of their input
FORMS = (PIXELS, BARE)
_DTYPES = ("uint8", "float32", "float16")
_OUTPUT_DTYPES = ("float32", "float16", "float64")
_USUAL = (224, 224)  # sides of the images that most files are made for
_LARGEST_BATCH_BYTES = 1 << 31


@dataclass(frozen=True)
class Signature:
    """One input of images and one output of a value for each class."""

    input: str  # its name
    layout: Layout
    dtype: str  # as numpy names it
    height: int
    width: int
    channels: int
    batch: int | None  # the only one the file takes; None: any
    # Per channel on the 0..1 scale; None where the file takes raw pixels
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None  # likewise
    output: str  # its name
    classes: int | None  # how many, where the file says it
    class_names: tuple[str, ...] | None  # None where the file does not say them

    @classmethod
    def of(
        cls,
        session: Opened,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        shown: tuple[int, int] | None = None,
    ) -> "Signature":
        """The signature of an open file; mean and std as given win over those in the file.

        shown: height and width of the images that it is to see, which are proposed to whoever has
        to fix them.
        """
        tensor = _input(session)
        layout, (height, width, channels) = _layout(session, tensor, shown or _USUAL)
        output = _output(session)
        classes = output.shape[1] if isinstance(output.shape[1], int) else None
        batch = tensor.shape[0] if isinstance(tensor.shape[0], int) else None
        size = 4 * (batch or 1) * height * width * channels
        if size > _LARGEST_BATCH_BYTES:
            raise UsageError(f"{session.name} wants {size >> 20:,} MiB of pixels at once.")
        mean, std = _normalisation(session, tensor, channels, mean, std)
        names = _class_names(session, classes)
        return cls(
            input=tensor.name,
            layout=layout,
            dtype=tensor.dtype,
            height=height,
            width=width,
            channels=channels,
            batch=batch,
            mean=mean,
            std=std,
            output=output.name,
            classes=len(names) if names else classes,
            class_names=names,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that `prepare` takes."""
        return self.height, self.width, self.channels

    def class_name(self, label: int) -> str:
        """What the file calls a class, or its number."""
        return self.class_names[label] if self.class_names else f"class {label}"

    def prepare(self, images: Images) -> dict[str, NDArray[Any]]:
        """What the file wants to be fed with for images uint8 [N, H, W, C]."""
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            shape = ", ".join(map(str, self.image_shape))
            raise UsageError(
                f"images must be uint8 [N, {shape}] here, not {images.dtype} "
                f"[{', '.join(map(str, images.shape))}]."
            )
        values: NDArray[Any] = images
        if self.mean is not None and self.std is not None:
            scaled = images.astype(np.float32) / np.float32(255)
            shifted = scaled - np.asarray(self.mean, np.float32)
            values = (shifted / np.asarray(self.std, np.float32)).astype(self.dtype)
        if self.layout == "nchw":
            values = values.transpose(0, 3, 1, 2)
        return {self.input: np.ascontiguousarray(values)}


def without_options(problem: str) -> str:
    """What is wrong with a signature, for a command that has no --mean and --std."""
    told = "predict and bench can be told, by --mean and --std"
    return problem.replace(GIVE_THEM, told)


def logits(
    session: Opened, signature: Signature, images: Images, batch: int = 64
) -> NDArray[np.float32]:
    """The file's values for images uint8 [N, H, W, C]: float32 [N, classes].

    batch: images a call. Where the file fixes it, the last call is filled up with its own
    images again, whose values are dropped.
    """
    batch = signature.batch or batch
    index = [output.name for output in session.outputs].index(signature.output)
    parts = [np.empty((0, signature.classes or 0), np.float32)] if not len(images) else []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        filled = np.resize(part, (batch, *part.shape[1:])) if signature.batch else part
        values = session.run(signature.prepare(filled))[index]
        classes = signature.classes or values.shape[-1]
        if not classes or values.shape != (len(filled), classes):
            raise ZooError(
                f"{session.name} gives {signature.output} of shape {list(values.shape)} for "
                f"{len(filled)} images; a classifier gives a row of {classes or 'some'} values "
                "for each."
            )
        parts.append(values[: len(part)].astype(np.float32))
    return np.concatenate(parts)


def _input(session: Opened) -> TensorInfo:
    if len(session.inputs) != 1:
        names = ", ".join(tensor.name for tensor in session.inputs) or "none"
        raise UsageError(
            f"{session.name} has {len(session.inputs)} inputs ({names}); an image classifier "
            "takes one."
        )
    (tensor,) = session.inputs
    if len(tensor.shape) != 4 or tensor.dtype not in _DTYPES:
        raise UsageError(
            f"{session.name} takes no images: its input {_shown(tensor)} is not four-dimensional "
            f"{', '.join(_DTYPES[:-1])} or {_DTYPES[-1]}."
        )
    return tensor


def _layout(
    session: Opened, tensor: TensorInfo, size: tuple[int, int]
) -> tuple[Layout, tuple[int, int, int]]:
    """The layout, and height, width and channels."""
    _, first, middle, last = tensor.shape
    shapes: dict[Layout, tuple[int | str | None, ...]] = {
        "nhwc": (first, middle, last),
        "nchw": (middle, last, first),
    }
    fitting = {layout: shape for layout, shape in shapes.items() if shape[2] in (1, 3)}
    told = session.metadata.get("input", "").rpartition("-")[2]
    if told in fitting:
        fitting = {layout: shape for layout, shape in fitting.items() if layout == told}
    if len(fitting) != 1:
        kind = "may be either layout" if fitting else "has neither 1 nor 3 channels"
        raise UsageError(
            f"{session.name}: its input {_shown(tensor)} {kind}; images are [batch, height, "
            "width, channels] or [batch, channels, height, width] with 1 or 3 channels. "
            "Give the file fixed sizes that tell, or metadata 'input' such as float32-nchw."
        )
    ((layout, (height, width, channels)),) = fitting.items()
    if not isinstance(height, int) or not isinstance(width, int) or not isinstance(channels, int):
        raise UsageError(
            f"{session.name}: the size of its images is not fixed ({_shown(tensor)}). Fix it, "
            "such as with: python -m onnxruntime.tools.make_dynamic_shape_fixed "
            f"--input_name {shlex.quote(tensor.name)} "
            f"--input_shape 1,{_example(layout, channels, size)} "
            f"{shlex.quote(session.name)} fixed.onnx"
        )
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise UsageError(f"{session.name}: images of {height}x{width} pixels are none.")
    if tensor.shape[0] == 0:
        raise UsageError(f"{session.name} takes batches of no image.")
    return layout, (height, width, channels)


def _example(layout: Layout, channels: int | str | None, size: tuple[int, int]) -> str:
    sides = f"{size[0]},{size[1]}"
    return f"{sides},{channels}" if layout == "nhwc" else f"{channels},{sides}"


def _shown(tensor: TensorInfo) -> str:
    sizes = ", ".join("?" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name}: {tensor.dtype} [{sizes}]"


def _output(session: Opened) -> TensorInfo:
    named = [tensor for tensor in session.outputs if tensor.name == LOGITS]
    candidates = named or list(session.outputs)
    if len(candidates) != 1:
        names = ", ".join(tensor.name for tensor in session.outputs)
        raise UsageError(
            f"{session.name} has {len(candidates)} outputs ({names}) and none is named {LOGITS}."
        )
    (tensor,) = candidates
    if len(tensor.shape) != 2 or tensor.dtype not in _OUTPUT_DTYPES:
        raise UsageError(
            f"{session.name} is no classifier: its output {_shown(tensor)} is not a row of values "
            "for each image."
        )
    return tensor


def _normalisation(
    session: Opened,
    tensor: TensorInfo,
    channels: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    if tensor.dtype == "uint8":
        if mean is not None or std is not None:
            raise UsageError(
                f"{session.name} takes raw pixels and normalises them itself; leave --mean and "
                "--std away."
            )
        return None, None
    given = {"mean": mean, "std": std}
    found = {
        name: _listed(session, name) if value is None else tuple(value)
        for name, value in given.items()
    }
    unknown = [name for name, value in found.items() if value is None]
    if unknown:
        raise UsageError(
            f"{session.name} takes normalised pixels and does not say by which "
            f"{' and '.join(unknown)}. {GIVE_THEM}"
        )
    return per_channel(found["mean"] or (), found["std"] or (), channels, session.name)


def _listed(session: Opened, name: str) -> tuple[float, ...] | None:
    """A list of numbers in the metadata, None where there is none."""
    try:
        return tuple(float(number) for number in json.loads(session.metadata[name]))
    except (KeyError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def _class_names(session: Opened, classes: int | None) -> tuple[str, ...] | None:
    text = session.metadata.get("class_names")
    if text is None:
        return None
    names = parse_names(text)
    if names is None:
        raise ZooError(f"{session.name}: its class_names are not a JSON list of names.")
    if classes is not None and len(names) != classes:
        raise ZooError(f"{session.name} names {len(names)} classes and gives {classes} values.")
    return names
