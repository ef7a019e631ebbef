"""`show`: what a model does to one image, layer by layer, as a page and a PNG."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.actions.layers import SECONDS, Inside, look_inside
from zoo.actions.opening import OpenedSource, Source, find_source, open_source
from zoo.actions.predict import Guess, probabilities
from zoo.data.dataset import Images
from zoo.data.local import load_local
from zoo.data.loose import read_image
from zoo.data.pixels import shown
from zoo.drawing.inside import Statistics, Step, View, filter_images
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.files import check_writable, write_text
from zoo.graphs.anatomy import CONVOLUTION
from zoo.inspection.description import refuse_for_artifacts
from zoo.inspection.inspector import Inspector
from zoo.marks import refuse_others
from zoo.ort.faults import Here
from zoo.ort.given import Given, read_sidecar
from zoo.ort.signature import logits
from zoo.progress import Progress
from zoo.runs.remains import RESULTS

CHANNELS, MOST_CHANNELS = 16, 64
MOST_LAYERS = 400
TOP = 5
_PARTS = 8  # of each side of the image, that are covered one after the other


@dataclass(frozen=True)
class ShownLayer:
    """A layer in numbers."""

    name: str
    kind: str
    operator: str
    shape: tuple[int, ...]  # without the axis of the batch
    parameters: int
    statistics: Statistics


@dataclass(frozen=True)
class Shown:
    """What was found, and the files that show it."""

    title: str
    origin: str  # which image
    guesses: tuple[Guess, ...]  # the likeliest first
    layers: tuple[ShownLayer, ...]  # in order of flow
    page: Path
    png: Path


@dataclass(frozen=True)
class _Chosen:
    """The image that is shown."""

    pixels: Images
    origin: str  # in words
    truth: str = ""  # its class


def show(
    model: str | Path,
    image: int | str | Path,
    *,
    layer: str | None = None,
    channels: int = CHANNELS,
    out: Path | None = None,
    precision: str | None = None,
    exports: Path | None = None,
    given: Given | None = None,
    data_dir: Path | None = None,
    seconds: float = SECONDS,
    memory: int | None = None,
    progress: Progress | None = None,
) -> Shown:
    """Show one image on its way through a model: write a page and a PNG.

    model: an artifact by id or model name, or an ONNX file. image: the number of a test image of
    the model's own dataset, or an image file. layer: draw this one alone. channels: of each layer
    at most so many are drawn. out: the folder, `results/<id>` unless told. precision: of an
    artifact, fp32 unless told. given, seconds and memory: of a third-party file, as for `predict`;
    with data its test images are those that are counted, a copy of which lies in `data_dir`.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        raise UsageError(f"--channels must be from 1 to {MOST_CHANNELS}, not {channels}.")
    progress, given = progress or Progress(), given or Given()
    source = find_source(model, precision, exports)
    stem = source.stem if source.precision in ("", "fp32") else f"{source.stem}-{source.precision}"
    out = out or RESULTS / source.stem
    page, png = out / f"{stem}.html", out / f"{stem}-layers.png"
    refuse_others([page, png], "name another --out")
    check_writable(out)
    told = given
    if not isinstance(source.file, Path):
        refuse_for_artifacts(given, source.asked, own_images=True)
        told = Given()
    with ExitStack() as stack:
        inspector = stack.enter_context(Inspector(seconds, memory))
        here = Here.found()
        opened = open_source(stack, source, inspector, "cpu", told, data_dir, here, progress)
        chosen = _choose(image, source, opened, given, data_dir, progress)
        guesses, saliency = _answer(opened, chosen.pixels)
        inside = look_inside(source, opened, inspector, chosen.pixels)
    steps = _steps(inside, opened)
    drawn = _only(steps, layer)
    view = View(
        title=f"Inside {source.title}",
        origin=chosen.origin,
        image=chosen.pixels,
        truth=chosen.truth,
        guesses=[(guess.class_name, guess.probability) for guess in guesses],
        steps=drawn[:MOST_LAYERS],
        left_out=max(0, len(drawn) - MOST_LAYERS),
        filters=_filters(inside, steps),
        filters_of=inside.filters.layer if inside.filters else "",
        filters_count=_filters_count(inside),
        saliency=saliency,
        classes=opened.signature.class_names or (),
        channels=channels,
    )
    _write(view, page, png)
    return Shown(source.title, chosen.origin, guesses, tuple(map(_numbers, steps)), page, png)


def _write(view: View, page: Path, png: Path) -> None:
    from zoo.drawing.inside_page import draw_inside
    from zoo.drawing.inside_plot import draw_layers

    write_text(page, draw_inside(view))
    draw_layers(view, png)


def _choose(
    image: int | str | Path,
    source: Source,
    opened: OpenedSource,
    given: Given,
    data_dir: Path | None,
    progress: Progress,
) -> _Chosen:
    text = str(image)
    if text.isascii() and text.isdigit():
        return _of_data(int(text), source, opened, given, data_dir, progress)
    path = Path(text)
    if not path.exists():
        raise UsageError(f"--image {text}: there is no such file, and it is no number either.")
    read = read_image(path, opened.signature.image_shape)
    if read.pixels is None:
        raise ZooError(f"{path} cannot be shown: {read.problem}.")
    return _Chosen(read.pixels, f"image {path.name}")


def _of_data(
    number: int,
    source: Source,
    opened: OpenedSource,
    given: Given,
    data_dir: Path | None,
    progress: Progress,
) -> _Chosen:
    """A test image of the model's own dataset, as the model takes it."""
    name, fingerprint = given.data, None
    if isinstance(source.file, Path):
        name = given.over(read_sidecar(source.file)).data
    else:
        card = source.file.card
        name, fingerprint = given.data or card.dataset, card.fingerprint
    if name is None:
        raise UsageError(
            f"--image {number}: {source.title} names no dataset of its own. Name one with --data, "
            "or give an image file."
        )
    data = load_local(name, fingerprint, data_dir, progress)
    if isinstance(data, str):
        raise ZooError(f"--image {number}: {data}. Or give an image file.")
    if number >= len(data.test):
        raise UsageError(
            f"--image {number}: {data.name} has test images 0 to {len(data.test) - 1}."
        )
    height, width, channels = opened.signature.image_shape
    pixels = shown(np.asarray(data.test.images[number]), (height, width), channels)
    truth = data.class_names[int(data.test.labels[number])]
    return _Chosen(pixels, f"test image {number} of {data.name}: {truth}", truth)


def _answer(opened: OpenedSource, image: Images) -> tuple[tuple[Guess, ...], NDArray[np.float32]]:
    """The likeliest classes, and what covering each part of the image takes from the first."""
    height, width, _ = image.shape
    rows, columns = min(_PARTS, height), min(_PARTS, width)
    cover = np.rint(image.mean(axis=(0, 1))).astype(np.uint8)
    shows = np.repeat(image[None], 1 + rows * columns, axis=0)
    for row in range(rows):
        for column in range(columns):
            high = slice(row * height // rows, (row + 1) * height // rows)
            wide = slice(column * width // columns, (column + 1) * width // columns)
            shows[1 + row * columns + column, high, wide] = cover
    signature = opened.signature
    batch = 16 if image.size < 1 << 18 else 1
    values = logits(opened.session, signature, shows, batch=batch)
    if not np.isfinite(values).all():
        raise ZooError(f"{opened.session.name} gives values that are not numbers.")
    shares = probabilities(values, signature.output)
    order = np.argsort(-shares[0], kind="stable")[:TOP]
    guesses = tuple(
        Guess(signature.class_name(int(label)), float(shares[0, label])) for label in order
    )
    lost = shares[0, order[0]] - shares[1:, order[0]]
    return guesses, lost.reshape(rows, columns).astype(np.float32)


def _steps(inside: Inside, opened: OpenedSource) -> list[Step]:
    image = opened.signature.image_shape
    return [
        Step(
            name=layer.name,
            kind=layer.kind,
            operator=layer.operator,
            parameters=layer.parameters,
            values=inside.values[layer.name],
            image_last=inside.values[layer.name].shape == image,
        )
        for layer in inside.layers
    ]


def _only(steps: list[Step], layer: str | None) -> list[Step]:
    if layer is None:
        return steps
    found = [step for step in steps if step.name == layer]
    if not found:
        raise unknown_name("layer", layer, [step.name for step in steps])
    return found


def _filters(inside: Inside, steps: list[Step]) -> NDArray[np.uint8] | None:
    """The filters as images, where their layer looks at the image itself."""
    if inside.filters is None or inside.weights is None:
        return None
    names = [step.name for step in steps]
    at = names.index(inside.filters.layer)
    before = steps[at - 1] if at else None
    return filter_images(
        inside.weights,
        units_last=inside.filters.units_last,
        before=before.values.shape if before else (),
        image_last=before.image_last if before else False,
    )


def _filters_count(inside: Inside) -> int:
    if inside.filters is None or inside.weights is None or not inside.weights.ndim:
        return 0
    last = inside.filters.kind != CONVOLUTION and inside.filters.units_last
    return int(inside.weights.shape[-1 if last else 0])


def _numbers(step: Step) -> ShownLayer:
    return ShownLayer(
        name=step.name,
        kind=step.kind,
        operator=step.operator,
        shape=step.values.shape,
        parameters=step.parameters,
        statistics=Statistics.of(step.values),
    )
