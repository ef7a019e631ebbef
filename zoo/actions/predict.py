"""`predict`: classify images of any size and type with an ONNX file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.actions.opening import find_source, open_source
from zoo.data.dataset import Images
from zoo.data.loose import LooseImage, find_images, read_image
from zoo.data.threads import over_chunks
from zoo.errors import UsageError, ZooError
from zoo.inspection.inspector import Inspector
from zoo.marks import refuse_others
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.ort.outputs import LOGITS
from zoo.ort.session import Opened
from zoo.ort.signature import Signature, logits
from zoo.progress import Progress

GRID = 64
SECONDS = 120.0  # for 64 images through a third-party file
_BATCH, _BATCH_BYTES = 64, 1 << 24


@dataclass(frozen=True)
class Guess:
    """One class, and how likely it is."""

    class_name: str
    probability: float  # 0..1


@dataclass(frozen=True)
class Prediction:
    """The predicted classes of one image."""

    path: Path
    guesses: tuple[Guess, ...] = ()  # the most likely first; none if it could not be read
    problem: str = ""  # why it could not be read


def predict(
    model: str | Path,
    images: Iterable[str | Path],
    *,
    precision: str | None = None,
    exports: Path | None = None,
    top: int = 5,
    provider: str = "cpu",
    given: Given | None = None,
    data_dir: Path | None = None,
    save: Path | None = None,
    seconds: float = SECONDS,
    memory: int | None = None,
    on: Here | None = None,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Yield the `top` classes of each image, one image at a time, so memory use is bounded.

    model: an artifact by id or model name, or an ONNX file. images: files, and folders that are
    searched for images. precision: for an artifact; default fp32. given: what a third-party file
    does not say about itself; its `data` names the dataset whose class names are used, with local
    copies in `data_dir`. save: a PNG of the first `GRID` images with their predictions, drawn at
    the end. A third-party file runs in a separate process. seconds: its time limit for 64 images;
    memory: its limit in bytes; default: three quarters of free memory. on: the onnxruntime and CPU
    that compute; default: those of this process.
    """
    if top < 1:
        raise UsageError(f"--top must be at least 1, not {top}.")
    if save is not None:
        refuse_others([save], "name another --save")
    here = on or Here.found()
    given = given or Given()
    with ExitStack() as stack:
        progress = progress or Progress()
        source = find_source(model, precision, exports)
        inspector = stack.enter_context(Inspector(seconds, memory))
        opened = open_source(stack, source, inspector, provider, given, data_dir, here, progress)
        found = find_images([Path(image) for image in images], progress)
        seen = _Predictor(opened.session, opened.signature, top).over(found, progress)
        predictions = _without_pixels(seen, save, source.title, progress)
        return _to_the_end(stack.pop_all(), predictions)


def _to_the_end(held: ExitStack, predictions: Iterator[Prediction]) -> Iterator[Prediction]:
    """Release resources after the last prediction."""
    with held:
        yield from predictions


@dataclass(frozen=True)
class _Predictor:
    session: Opened
    signature: Signature
    top: int

    def over(
        self, paths: Sequence[Path], progress: Progress
    ) -> Iterator[tuple[Prediction, Images | None]]:
        """Yield predictions with their pixels, in the order of `paths`."""
        batch = max(1, min(_BATCH, _BATCH_BYTES // int(np.prod(self.signature.image_shape))))

        def read(part: range) -> list[LooseImage]:
            return [read_image(paths[index], self.signature.image_shape) for index in part]

        with progress.task("predict", len(paths)) as advance:
            for some in over_chunks(read, len(paths), batch):
                yield from self._predict(some)
                advance(len(some))

    def _predict(self, some: list[LooseImage]) -> Iterator[tuple[Prediction, Images | None]]:
        readable = [image.pixels for image in some if image.pixels is not None]
        try:
            rows = iter(self._guesses(np.stack(readable)) if readable else [])
        except ZooError as error:
            first, last = some[0].path, some[-1].path
            which = f"{first}" if len(some) == 1 else f"{first} to {last}"
            raise type(error)(f"{str(error).rstrip('.')} ({which}).") from error
        for image in some:
            guesses = () if image.pixels is None else next(rows)
            yield Prediction(image.path, guesses, image.problem), image.pixels

    def _guesses(self, images: Images) -> list[tuple[Guess, ...]]:
        values = logits(self.session, self.signature, images, batch=len(images))
        if not np.isfinite(values).all():
            raise ZooError(f"{self.session.name} gives values that are not finite.")
        shares = probabilities(values, self.signature.output)
        best = np.argsort(-shares, axis=1, kind="stable")[:, : self.top]
        return [
            tuple(
                Guess(self.signature.class_name(int(label)), float(row[label])) for label in order
            )
            for row, order in zip(shares, best, strict=True)
        ]


def probabilities(values: NDArray[np.float32], output: str) -> NDArray[np.float64]:
    """Softmax of each row; an output that is not called logits and already sums to 1 is kept."""
    wide = values.astype(np.float64)
    if output != LOGITS and (wide >= 0).all() and np.allclose(wide.sum(axis=1), 1, atol=1e-3):
        return wide
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _without_pixels(
    predictions: Iterable[tuple[Prediction, Images | None]],
    save: Path | None,
    title: str,
    progress: Progress,
) -> Iterator[Prediction]:
    """Only the predictions; the first images are kept if a grid is to be drawn."""
    kept: list[tuple[Prediction, Images]] = []
    for prediction, pixels in predictions:
        if save is not None and pixels is not None and len(kept) < GRID:
            kept.append((prediction, pixels))
        yield prediction
    if save is not None and kept:
        _draw(kept, save, title)
        progress.say(f"saved {save}: the first {len(kept)} images with their classes")


def _draw(kept: Sequence[tuple[Prediction, Images]], path: Path, title: str) -> None:
    from zoo.drawing.plots import draw_grid

    height, width, _ = kept[0][1].shape
    captions = [
        f"{_short(prediction.guesses[0].class_name)} {prediction.guesses[0].probability:.0%}\n"
        f"{_short(Path(prediction.path).name)}"
        for prediction, _ in kept
    ]
    images = np.stack([pixels for _, pixels in kept])
    seen = f"images as the model sees them, {height}x{width}"
    draw_grid(images, captions, path, title=f"{title}: {seen}")


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"
