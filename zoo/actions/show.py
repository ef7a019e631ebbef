"""`show`: a model, and what each layer makes of one image, as a page and a PNG."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.actions.layers import SECONDS, Inside, look_inside, norms_folded, time_inside
from zoo.actions.opening import OpenedSource, Source, find_source, open_source
from zoo.actions.predict import Guess
from zoo.actions.shown_image import Chosen, answer, choose, find_data
from zoo.actions.shown_steps import drawn, first_filters, measured, steps_of
from zoo.actions.units import Units, dead_in_data, dead_in_one
from zoo.data.dataset import Dataset
from zoo.drawing.inside import Statistics, Step, View
from zoo.errors import UsageError, ZooError
from zoo.files import check_writable, write_text
from zoo.graphs.anatomy import LayerTimes
from zoo.inspection.description import refuse_for_artifacts
from zoo.inspection.inspector import Inspector
from zoo.marks import refuse_others
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.progress import Progress
from zoo.runs.remains import RESULTS

CHANNELS, MOST_CHANNELS = 16, 64
SAMPLE = 256


@dataclass(frozen=True)
class ShownLayer:
    """The figures of a layer."""

    name: str
    kind: str
    operator: str
    shape: tuple[int, ...]  # without the axis of the batch
    parameters: int
    macs: int | None  # multiply-adds for one image; None where its shapes do not tell
    bytes: int  # bytes of its parameters, as stored in the file
    # Share of the time of a call; None if unknown, or computed with another layer
    time: float | None
    step_of: str  # that other layer, or ""
    dead: float | None  # share of its units that are 0 in every image that was looked at
    statistics: Statistics | None  # None where no image was asked for


@dataclass(frozen=True)
class Shown:
    """What was found inside a model, and the files that show it."""

    title: str
    origin: str  # which image; "" for none
    guesses: tuple[Guess, ...]  # the likeliest first
    layers: tuple[ShownLayer, ...]  # in order of flow
    time: str  # how the time was measured, or why it was not
    units: str  # in which images dead units were looked for; "" for none
    page: Path
    png: Path | None  # None where no image was asked for
    beside: "Shown | None" = None  # the model that it is compared with, in the same files


@dataclass(frozen=True)
class _Asked:
    """What to look at, the same for both models of a comparison."""

    image: int | str | Path | None
    layer: str | None
    channels: int
    sample: int
    given: Given
    data_dir: Path | None
    seconds: float
    memory: int | None
    progress: Progress


@dataclass(frozen=True)
class _Found:
    """All about one model."""

    view: View
    steps: list[Step]  # all of them
    guesses: tuple[Guess, ...]


def show(
    model: str | Path,
    image: int | str | Path | None = None,
    *,
    compare: str | Path | None = None,
    layer: str | None = None,
    channels: int = CHANNELS,
    sample: int = SAMPLE,
    out: Path | None = None,
    precision: str | None = None,
    exports: Path | None = None,
    given: Given | None = None,
    data_dir: Path | None = None,
    seconds: float = SECONDS,
    memory: int | None = None,
    progress: Progress | None = None,
) -> Shown:
    """Write a page about a model's layers, and with an image also what each makes of it, and a PNG.

    model: an artifact by id or model name, or an ONNX file. image: the number of a test image of
    the model's own dataset, or an image file; without one, the page shows the graph, the filters
    and the cost of each layer. compare: another model to show beside it. layer: draw only this
    layer. channels: the most channels to draw of a layer. sample: how many test images to search
    for units that are always 0. out: the folder to write to; default `results/<id>`. precision: for
    artifacts; default fp32. given, seconds, memory: for a third-party file, as in `predict`; its
    `data` names the dataset of the test images, with local copies in `data_dir`.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        raise UsageError(f"--channels must be from 1 to {MOST_CHANNELS}, not {channels}.")
    if sample < 1:
        raise UsageError(f"--sample must be at least 1, not {sample}.")
    names = [model] if compare is None else [model, compare]
    sources = _sources(names, precision, exports)
    page, png = _files(sources, out, with_png=image is not None)
    refuse_others([page, *([png] if png else [])], "name another --out")
    check_writable(page.parent)
    asked = _Asked(
        image, layer, channels, sample, given or Given(), data_dir, seconds, memory,
        progress or Progress(),
    )  # fmt: skip
    artifacts = [source for source in sources if not isinstance(source.file, Path)]
    if len(artifacts) == len(sources):
        for source in artifacts:
            refuse_for_artifacts(asked.given, source.asked, own_images=True)
    found = [_look(source, asked) for source in sources]
    _write([one.view for one in found], page, png)
    shown, *others = [_shown(one, page, png) for one in found]
    return replace(shown, beside=others[0]) if others else shown


def _sources(
    names: Sequence[str | Path], precision: str | None, exports: Path | None
) -> list[Source]:
    """The models; the precision applies to those that are artifacts."""
    if len(names) == 1:
        return [find_source(names[0], precision, exports)]
    files = [Path(name).suffix.lower() == ".onnx" or Path(name).is_file() for name in names]
    if all(files) and precision is not None:
        raise UsageError("both files already name a precision. Leave out --precision.")
    return [
        find_source(name, None if is_file else precision, exports)
        for name, is_file in zip(names, files, strict=True)
    ]


def _files(
    sources: Sequence[Source], out: Path | None, *, with_png: bool
) -> tuple[Path, Path | None]:
    """The page and the PNG."""
    stems = [
        one.stem if one.precision in ("", "fp32") else f"{one.stem}-{one.precision}"
        for one in sources
    ]
    stem = "-and-".join(stems)
    out = out or RESULTS / sources[0].stem
    return out / f"{stem}.html", out / f"{stem}-layers.png" if with_png else None


def _write(views: Sequence[View], page: Path, png: Path | None) -> None:
    from zoo.drawing.inside_page import draw_inside

    write_text(page, draw_inside(views))
    if png is not None:
        from zoo.drawing.inside_plot import draw_layers

        draw_layers(views, png)


def _look(source: Source, asked: _Asked) -> _Found:
    """Open one model, and gather everything about it."""
    told = asked.given if isinstance(source.file, Path) else Given()
    progress = asked.progress
    with ExitStack() as stack:
        inspector = stack.enter_context(Inspector(asked.seconds, asked.memory))
        here = Here.found()
        opened = open_source(stack, source, inspector, "cpu", told, asked.data_dir, here, progress)
        data = find_data(source, asked.given, asked.data_dir, progress)
        chosen = choose(asked.image, source, opened, data)
        said = answer(opened, chosen.pixels) if chosen.origin else None
        inside = look_inside(source, opened, inspector, chosen.pixels)
        units, looked = _units(source, opened, inspector, inside, data, chosen, asked)
        try:  # at last: what takes too long ends the process of a third-party file
            times: LayerTimes | str = time_inside(source, opened, chosen.pixels)
        except ZooError as error:
            times = str(error).rstrip(".")
    steps = steps_of(inside, opened, times, units, norms_folded(source))
    guesses = said.guesses if said else ()
    view = View(
        title=source.title,
        origin=chosen.origin,
        image=chosen.pixels if said else None,
        truth=chosen.truth,
        guesses=[(guess.class_name, guess.probability) for guess in guesses],
        saliency=said.saliency if said else None,
        classes=opened.signature.class_names or (),
        channels=asked.channels,
        timed=measured(times),
        looked=looked,
        **drawn(steps, asked.layer),
        **first_filters(inside, steps),
    )
    return _Found(view, steps, guesses)


def _shown(found: _Found, page: Path, png: Path | None) -> Shown:
    view = found.view
    numbers = (_numbers(step, with_statistics=view.image is not None) for step in found.steps)
    layers = tuple(numbers)
    return Shown(view.title, view.origin, found.guesses, layers, view.timed, view.looked, page, png)


def _units(
    source: Source,
    opened: OpenedSource,
    inspector: Inspector,
    inside: Inside,
    data: Dataset | str | None,
    chosen: Chosen,
    asked: _Asked,
) -> tuple[Units | None, str]:
    """The dead units, and which images were searched, in words."""
    if isinstance(data, Dataset):
        found = dead_in_data(source, opened, inspector, inside, data, asked.sample, asked.progress)
        return found, f"in the first {found.images:,} test images of {data.name}"
    if chosen.origin:
        return dead_in_one(inside, opened.signature.image_shape), "in this image"
    return None, ""


def _numbers(step: Step, *, with_statistics: bool) -> ShownLayer:
    return ShownLayer(
        name=step.name,
        kind=step.kind,
        operator=step.operator,
        shape=step.values.shape,
        parameters=step.parameters,
        macs=step.macs,
        bytes=step.bytes,
        time=step.share,
        step_of=step.step_of,
        dead=step.dead,
        statistics=Statistics.of(step.values) if with_statistics else None,
    )
