"""The input and output of an image classifier, read from its ONNX file.

Files of this zoo describe themselves. For others, what their shapes say is used, and the rest must
be given: nothing is guessed that could make a prediction wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.class_names import parse_names
from zoo.data.dataset import Images
from zoo.data.pixels import LARGEST_SIDE
from zoo.errors import UsageError, ZooError
from zoo.ort.given import Given, Layout
from zoo.ort.normalisation import GIVE_THEM, listed, per_channel
from zoo.ort.outputs import as_rows, classes_of, find_output
from zoo.ort.session import Opened, TensorInfo

IMAGE, LATENTS = "image", "latents"  # what files of this zoo take
PIXELS, BARE = "uint8-nhwc", "float32-nchw"  # the forms of their input
FORMS = (PIXELS, BARE)
_DTYPES = ("uint8", "int8", "float32", "float16")
_USUAL = (224, 224)  # sides of the images that most files are made for
_COLOUR = 3  # channels, where a file that is told its layout leaves them free
_LARGEST_BATCH_BYTES = 1 << 31
_NO_GIVEN = Given()


@dataclass(frozen=True)
class Signature:
    """One input of images and one output with a value for each class."""

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
    class_names: tuple[str, ...] | None  # None where nothing says them
    chosen: str = ""  # which of several outputs was taken without being told, in plain words

    @classmethod
    def of(
        cls, session: Opened, given: Given = _NO_GIVEN, shown: tuple[int, int] | None = None
    ) -> "Signature":
        """The signature of an open file; given facts take precedence over the file's own.

        shown: height and width of the images to run it on, proposed in messages if the user must
        fix the size.
        """
        tensor = _input(session)
        layout, (height, width, channels) = _layout(session, tensor, given, shown or _USUAL)
        output, chosen = find_output(session, given)
        classes = classes_of(output)
        batch = tensor.shape[0] if isinstance(tensor.shape[0], int) else None
        size = 4 * (batch or 1) * height * width * channels
        if size > _LARGEST_BATCH_BYTES:
            raise UsageError(f"{session.name} needs {size >> 20:,} MiB of pixels at once.")
        mean, std = _normalisation(session, tensor, channels, given)
        names = _class_names(session, given, classes)
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
            chosen=chosen,
        )

    @property
    def takes_pixels(self) -> bool:
        """Whether it takes raw pixels."""
        return self.dtype == "uint8" and self.layout == "nhwc"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that `prepare` takes."""
        return self.height, self.width, self.channels

    def class_name(self, label: int) -> str:
        """The file's name of a class, or its number."""
        return self.class_names[label] if self.class_names else f"class {label}"

    def prepare(self, images: Images) -> dict[str, NDArray[Any]]:
        """Convert images uint8 [N, H, W, C] to the input of the file."""
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
            values = shifted / np.asarray(self.std, np.float32)
            if self.dtype == "int8":
                values = np.clip(np.rint(values), -128, 127)
            values = values.astype(self.dtype)
        elif self.dtype == "int8":
            values = (images ^ 0x80).view(np.int8)  # less 128
        if self.layout == "nchw":
            values = values.transpose(0, 3, 1, 2)
        return {self.input: np.ascontiguousarray(values)}


def logits(
    session: Opened, signature: Signature, images: Images, batch: int = 64
) -> NDArray[np.float32]:
    """The file's values for images uint8 [N, H, W, C]: float32 [N, classes].

    batch: images per call. If the file fixes it, the last call is filled up with repeated images,
    whose values are dropped.
    """
    batch = signature.batch or batch
    index = [output.name for output in session.outputs].index(signature.output)
    parts = [np.empty((0, signature.classes or 0), np.float32)] if not len(images) else []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        filled = np.resize(part, (batch, *part.shape[1:])) if signature.batch else part
        values = session.run(signature.prepare(filled))[index]
        rows = as_rows(values)
        classes = signature.classes or rows.shape[-1]
        if not classes or rows.shape != (len(filled), classes):
            raise ZooError(
                f"{session.name} gives {signature.output} of shape {list(values.shape)} for "
                f"{len(filled)} images; a classifier gives a row of {classes or 'some'} values "
                "for each."
            )
        parts.append(rows[: len(part)].astype(np.float32))
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
            f"{session.name} does not take images: its input {tensor} is not four-dimensional "
            f"{', '.join(_DTYPES[:-1])} or {_DTYPES[-1]}."
        )
    return tensor


def _layout(
    session: Opened, tensor: TensorInfo, given: Given, shown: tuple[int, int]
) -> tuple[Layout, tuple[int, int, int]]:
    """The layout, and height, width and channels."""
    _, first, middle, last = tensor.shape
    shapes: dict[Layout, tuple[int | str | None, ...]] = {
        "nhwc": (first, middle, last),
        "nchw": (middle, last, first),
    }
    if given.layout and not isinstance(shapes[given.layout][2], int):
        shapes[given.layout] = (*shapes[given.layout][:2], _COLOUR)
    fitting = {layout: shape for layout, shape in shapes.items() if shape[2] in (1, 3)}
    if given.layout and fitting and given.layout not in fitting:
        raise UsageError(
            f"{session.name}: its input {tensor} is not {given.layout}; leave out --layout."
        )
    told = given.layout or session.metadata.get("input", "").rpartition("-")[2]
    if told in fitting:
        fitting = {layout: shape for layout, shape in fitting.items() if layout == told}
    if len(fitting) != 1:
        kind = "may be either layout" if fitting else "has neither 1 nor 3 channels"
        raise UsageError(
            f"{session.name}: its input {tensor} {kind}; images are [batch, height, "
            "width, channels] or [batch, channels, height, width] with 1 or 3 channels. "
            "If the shape is ambiguous, name the layout: --layout nhwc or --layout nchw."
        )
    ((layout, (high, wide, channels)),) = fitting.items()
    height, width = _sides(session, tensor, (high, wide), given.size, shown)
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise UsageError(f"{session.name}: images of {height}x{width} pixels are not supported.")
    if tensor.shape[0] == 0:
        raise UsageError(f"{session.name} takes batches of zero images.")
    return layout, (height, width, 1 if channels == 1 else 3)


def _sides(
    session: Opened,
    tensor: TensorInfo,
    declared: tuple[int | str | None, int | str | None],
    given: tuple[int, int] | None,
    shown: tuple[int, int],
) -> tuple[int, int]:
    """Height and width: those of the file, or the given ones if it leaves them free."""
    height, width = declared
    if given is None:
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        raise UsageError(
            f"{session.name}: the size of its images is not fixed ({tensor}). Fix it, "
            f"such as with --size {shown[0]}x{shown[1]}."
        )
    sides = zip(declared, given, strict=True)
    if any(isinstance(side, int) and side != told for side, told in sides):
        raise UsageError(
            f"{session.name}: its input {tensor} does not take images of {given[0]}x{given[1]} "
            "pixels; leave out --size, or name one that fits."
        )
    return given


def _normalisation(
    session: Opened, tensor: TensorInfo, channels: int, given: Given
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    told = given.mean is not None or given.std is not None
    if tensor.dtype == "uint8" and told:
        raise UsageError(
            f"{session.name} takes raw pixels and normalises them itself; leave out --mean and "
            "--std."
        )
    if tensor.dtype == "uint8" or (tensor.dtype == "int8" and not told):
        return None, None
    found = {
        "mean": listed(session.metadata, "mean") if given.mean is None else given.mean,
        "std": listed(session.metadata, "std") if given.std is None else given.std,
    }
    unknown = [name for name, value in found.items() if value is None]
    if unknown:
        raise UsageError(
            f"{session.name} takes normalised pixels and does not say by which "
            f"{' and '.join(unknown)}. {GIVE_THEM}"
        )
    return per_channel(found["mean"] or (), found["std"] or (), channels, session.name)


def _class_names(session: Opened, given: Given, classes: int | None) -> tuple[str, ...] | None:
    text = session.metadata.get("class_names")
    if given.classes_as_given or (text is None and given.class_names is None):
        return None
    names = given.class_names or parse_names(text or "")
    if names is None:
        raise ZooError(f"{session.name}: its class_names are not a JSON list of names.")
    if classes is not None and len(names) != classes:
        told = "is given" if given.class_names else "names"
        raise ZooError(f"{session.name} {told} {len(names)} classes and gives {classes} values.")
    return names
