"""`diff`: where two models that should agree first differ, layer by layer, and what that costs."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.actions.effect import effect
from zoo.actions.gallery import Gallery, gallery
from zoo.actions.layers import SECONDS, open_inside
from zoo.actions.opening import OpenedSource, Source, find_source, open_source
from zoo.actions.tensors import Found, Tapped, measure
from zoo.artifacts.card import PRECISIONS
from zoo.drawing.differences import Diff
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.files import check_writable, write_text
from zoo.inspection.description import describe, refuse_for_artifacts, refuse_unneeded
from zoo.inspection.inspector import Inspector
from zoo.marks import refuse_others
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.ort.providers import find_provider
from zoo.ort.signature import Signature, logits
from zoo.parity import LAYERS
from zoo.progress import Progress

COUNT = 256
RESULTS = Path("results")
_BATCH, _BATCH_BYTES = 64, 1 << 24
_IN_INTEGERS = ("Quantize", "QLinear", "QGemm", "Integer")  # in names of operators


@dataclass(frozen=True)
class _Side:
    """One of the two models, open."""

    letter: str
    source: Source
    opened: OpenedSource
    inspector: Inspector
    provider: str
    integers: bool  # whether it computes in them

    @property
    def signature(self) -> Signature:
        return self.opened.signature


def diff(
    a: str | Path,
    b: str | Path | None = None,
    *,
    images: Path | None = None,
    count: int = COUNT,
    precisions: Sequence[str] | None = None,
    providers: Sequence[str] = ("cpu",),
    max_difference: float | None = None,
    out: Path | None = None,
    exports: Path | None = None,
    given: Given | None = None,
    data_dir: Path | None = None,
    seconds: float = SECONDS,
    memory: int | None = None,
    progress: Progress | None = None,
) -> Diff:
    """Find where two models that should agree first differ, and write a page about it.

    a, b: an artifact by id or model name (also as `cnn:int8`), or an ONNX file; b defaults to a.
    images: a folder of images or one file; by default, the first `count` test images of the models'
    dataset are used, with local copies in `data_dir`. precisions: one for both artifacts or one for
    each; default fp32. providers: the same for ONNX Runtime's providers. max_difference: the bound
    on the error of each layer; default: that of the coarser precision. out: the folder of the page;
    default `results/<id>`. given, seconds, memory: for third-party files, each of which runs in a
    separate process, as in `predict`.
    """
    if count < 1:
        raise UsageError(f"--count must be at least 1, not {count}.")
    if max_difference is not None and not max_difference >= 0:
        raise UsageError(f"--max-difference must be 0 or more, not {max_difference}.")
    progress, given = progress or Progress(), given or Given()
    sources = _sources((a, a if b is None else b), precisions, exports)
    on = _two(providers, "providers")
    for provider in on:
        find_provider(provider)
    page = _page(sources, on, out)
    with ExitStack() as stack:
        inspectors = [stack.enter_context(Inspector(seconds, memory)) for _ in sources]
        told, integers = _described(sources, given, inspectors)
        here = Here.found()
        sides = [
            _Side(
                *(letter, source),
                open_source(stack, source, inspector, provider, own, data_dir, here, progress),
                *(inspector, provider, whole),
            )
            for letter, source, inspector, provider, own, whole in zip(
                "AB", sources, inspectors, on, told, integers, strict=True
            )
        ]
        shape = _same_images(sides)
        shown = gallery(images, count, sources, given, shape, data_dir, progress)
        classes = [_classes(side, shown, progress) for side in sides]
        found = _layers(sides, shown, progress)
    titles = _titles(sides)
    if not found.layers:
        raise ZooError(
            f"{titles[0]} and {titles[1]} share no layer: none of {_lone(found, 'A')} has the "
            f"name, or the kind, shape and position, of any of {_lone(found, 'B')}. Name two "
            "files of the same network."
        )
    bound, why = _bound(max_difference, sides, found)
    made = Diff(
        *(titles[0], titles[1], shown.origin, bound, why, found.layers, found.alone),
        effect=effect(classes, [side.signature for side in sides], shown, progress),
        page=page,
    )
    _write(made, shown)
    return made


def _sources(
    named: tuple[str | Path, str | Path], precisions: Sequence[str] | None, exports: Path | None
) -> list[Source]:
    """The models; `cnn:int8` is one in that precision."""
    wanted = (None, None) if precisions is None else _two(precisions, "precisions")
    files = [_is_file(name) for name in named]
    sources = []
    for name, precision, is_file in zip(named, wanted, files, strict=True):
        model, _, ending = str(name).rpartition(":")
        if model and not Path(name).exists() and not is_file:
            if ending not in PRECISIONS:
                raise unknown_name("precision", ending, PRECISIONS)
            if precision is not None:
                raise UsageError(f"{name} already names a precision. Leave out --precision.")
            name, precision = model, ending
        if is_file and not all(files):
            precision = None  # which is the other's
        sources.append(find_source(name, precision, exports))
    return sources


def _is_file(name: str | Path) -> bool:
    return Path(name).suffix.lower() == ".onnx" or Path(name).is_file()


def _two(values: Sequence[str], option: str) -> tuple[str, str]:
    """One value counts for both."""
    if not 1 <= len(values) <= 2:
        raise UsageError(f"--{option.removesuffix('s')} takes one or two values.")
    return values[0], values[-1]


def _page(sources: Sequence[Source], on: tuple[str, str], out: Path | None) -> Path:
    names = [
        "-".join(filter(None, (source.stem, source.precision, provider * (on[0] != on[1]))))
        for source, provider in zip(sources, on, strict=True)
    ]
    out = out or RESULTS / sources[0].stem
    page = out / f"diff-{names[0]}-{names[1]}.html"
    refuse_others([page], "name another --out")
    check_writable(out)
    return page


def _described(
    sources: Sequence[Source], given: Given, inspectors: Sequence[Inspector]
) -> tuple[list[Given], list[bool]]:
    """For each file, the given facts that it needs, and whether it computes in integers."""
    described = [
        describe(source.file, given, inspector) if isinstance(source.file, Path) else None
        for source, inspector in zip(sources, inspectors, strict=True)
    ]
    files = [one for one in described if one is not None]
    if files:
        refuse_unneeded(given, files)
    else:
        refuse_for_artifacts(given, sources[0].asked, own_images=True)
    integers = [
        source.precision == "int8" if one is None else _in_integers(one.facts.operators)
        for source, one in zip(sources, described, strict=True)
    ]
    return [Given() if one is None else one.given for one in described], integers


def _in_integers(operators: dict[str, int]) -> bool:
    return any(part in name for name in operators for part in _IN_INTEGERS)


def _same_images(sides: Sequence[_Side]) -> tuple[int, int, int]:
    """The image shape, which must be the same for both."""
    a, b = (side.signature for side in sides)
    if a.image_shape != b.image_shape:
        shapes = ["x".join(map(str, one.image_shape)) for one in (a, b)]
        raise UsageError(
            f"{sides[0].source.title} takes images of {shapes[0]}, {sides[1].source.title} of "
            f"{shapes[1]}. Compare models with the same image shape."
        )
    if None not in (a.classes, b.classes) and a.classes != b.classes:
        raise UsageError(
            f"{sides[0].source.title} gives {a.classes} classes, {sides[1].source.title} "
            f"{b.classes}."
        )
    return a.image_shape


def _classes(side: _Side, shown: Gallery, progress: Progress) -> NDArray[np.int64]:
    """The class that the file itself gives each image; -1 if its values are not numbers."""
    signature = side.signature
    size = max(1, min(_BATCH, _BATCH_BYTES // int(np.prod(signature.image_shape))))
    found = []
    with progress.task(f"answers of {side.letter}", len(shown)) as advance:
        for start in range(0, len(shown), size):
            some = range(start, min(start + size, len(shown)))
            values = logits(side.opened.session, signature, shown.take(some), batch=size)
            whole = np.isfinite(values).all(axis=1)
            found.append(np.where(whole, np.nan_to_num(values).argmax(axis=1), -1))
            advance(len(some))
    return np.concatenate(found)


def _layers(sides: Sequence[_Side], shown: Gallery, progress: Progress) -> Found:
    with ExitStack() as stack:
        tapped = [
            Tapped(*open_inside(stack, side.source, side.inspector, side.provider), side.signature)
            for side in sides
        ]
        with progress.task("layers", len(shown)) as advance:
            return measure(tapped[0], tapped[1], len(shown), shown.take, advance)


def _titles(sides: Sequence[_Side]) -> list[str]:
    """Titles that distinguish the two models."""
    a, b = (side.source for side in sides)
    named = [a.asked, b.asked] if a.title == b.title and a.asked != b.asked else [a.title, b.title]
    if sides[0].provider == sides[1].provider:
        return named
    return [f"{name} on {side.provider}" for name, side in zip(named, sides, strict=True)]


def _lone(found: Found, model: str) -> str:
    count = sum(one.model == model for one in found.alone)
    return f"the {count} layer{'s' * (count != 1)} of {model}"


def _bound(told: float | None, sides: Sequence[_Side], found: Found) -> tuple[float, str]:
    """The bound on the error of a layer, and where it comes from."""
    if told is not None:
        return told, "as told"
    kinds = {"int8" if side.integers else "fp32" for side in sides}
    if found.types & {"float16", "bfloat16"}:
        kinds.add("fp16")
    kind = max(kinds, key=lambda one: LAYERS[one])
    return LAYERS[kind], f"the default for {kind}"


def _write(made: Diff, shown: Gallery) -> None:
    from zoo.drawing.differences_page import draw_differences

    examples = [shown.take(range(one.index, one.index + 1))[0] for one in made.effect.examples]
    write_text(made.page, draw_differences(made, examples))
