"""Which layers fp16 and int8 leave in fp32, chosen on training images."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.exporting.half import to_half
from zoo.exporting.quantize import Ranges, Shifts, layers, quantize
from zoo.exporting.shifts import mean_shifts
from zoo.ort.session import open_session
from zoo.parity import distance

_BATCH = 64


@dataclass(frozen=True)
class Choosing:
    """The criteria for leaving a layer in fp32."""

    small_layer: float = 0.1  # share of all weights that a layer at either end may hold
    worthwhile: float = 0.001  # share of the images that must be gained by it
    costly: float = 0.02  # the same share, for a layer of any size
    few: int = 256  # images that show how far away logits are
    # As a share of the spread of logits: if they are farther from fp32, first layers stay in fp32.
    close_half: float = 0.01
    close_int8: float = 0.1


CHOOSING = Choosing()


def choose_half_layers(
    model: onnx.ModelProto, images: NDArray[Any], how: Choosing = CHOOSING
) -> tuple[str, ...]:
    """The first layers that fp16 should leave in fp32, judged on images as the model takes them."""
    few = images[: how.few]
    wanted = _logits(model, few)

    def away(in_float: Sequence[str]) -> float:
        return distance(_logits(to_half(model, in_float), few), wanted)

    return _as_few(_leading(model, how.small_layer), away, how.close_half)


def choose_int8(
    prepared: onnx.ModelProto,
    ranges: Ranges,
    seen: NDArray[Any],
    images: NDArray[Any],
    how: Choosing = CHOOSING,
) -> tuple[Shifts, tuple[str, ...]]:
    """The shifts that int8's biases should correct, and the layers that should stay in float.

    Both are judged on images as the model takes them; `seen` are the calibration images. If the
    logits are close without shifts, there are none, because the card would have to hold one value
    per channel.
    """
    wanted = _logits(prepared, images)
    few = images[: how.few]

    def away(answers: NDArray[np.float32]) -> float:
        return distance(answers[: how.few], wanted[: how.few])

    chosen, answers = _by_class(prepared, ranges, {}, images, wanted, how)
    if away(answers) <= how.close_int8:
        return {}, chosen
    shifts = mean_shifts(prepared, quantize(prepared, ranges), seen)
    again, _ = _by_class(prepared, ranges, shifts, images, wanted, how)

    def also(first: Sequence[str]) -> tuple[str, ...]:
        return (*first, *(name for name in again if name not in first))

    def away_with(first: Sequence[str]) -> float:
        return away(_logits(quantize(prepared, ranges, also(first), shifts), few))

    leading = _leading(prepared, how.small_layer)
    return shifts, also(_as_few(leading, away_with, how.close_int8))


def _as_few(
    leading: Sequence[tuple[str, ...]], away: Callable[[Sequence[str]], float], close: float
) -> tuple[str, ...]:
    """The fewest first layers that bring the logits close enough; else those that get closest.

    The first layers are worth it: they see few channels, so their errors do not average out, and
    every later layer passes them on. Together they hold few of the weights.
    """
    best: tuple[str, ...] = ()
    least = math.inf
    for first in leading:
        found = away(first)
        if found < least:
            best, least = first, found
        if found <= close:
            break
    return best


def _leading(model: onnx.ModelProto, share: float) -> list[tuple[str, ...]]:
    """No layer, the first one, the first two, ... while they hold less than that share of weights.

    Never the last one, which may come after something that is not a layer: a linear one after a
    Transpose.
    """
    names = layers(model)[:-1]
    sizes = np.cumsum([_share_of_weights(model, name) for name in names])
    count = int((sizes < share).sum())
    return [tuple(names[:many]) for many in range(count + 1)]


def _by_class(
    prepared: onnx.ModelProto,
    ranges: Ranges,
    shifts: Shifts,
    images: NDArray[Any],
    wanted: NDArray[np.float32],
    how: Choosing,
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Layers that, left in float, give more images the class of fp32's logits, `wanted`.

    With them, int8's logits.

    Candidates are the first layer, which alone sees pixels, and the last, which decides, unless
    they hold much of the weights. They stay in float if more images then get the same class as in
    fp32. The last convolution joins them, however large, if that saves many images: without pooling
    after it, every feature counts, and quantising by the range of the largest loses the rest.
    """
    classes = wanted.argmax(axis=1)

    @cache  # several of the trials may leave out the same layers
    def answers(in_float: tuple[str, ...]) -> NDArray[np.float32]:
        return _logits(quantize(prepared, ranges, in_float, shifts), images)

    def share(in_float: tuple[str, ...]) -> float:
        return float((classes == answers(in_float).argmax(axis=1)).mean())

    ends = [name for name in _ends(prepared) if _share_of_weights(prepared, name) < how.small_layer]
    trials = [(), *((name,) for name in ends), tuple(ends)]
    shares = [share(trial) for trial in trials]
    best = int(np.argmax(shares))
    if shares[best] <= shares[0] + how.worthwhile:
        best = 0
    more = (*trials[best], *_last_convolution(prepared, trials[best]))
    chosen = more if share(more) > shares[best] + how.costly else trials[best]
    return chosen, answers(chosen)


def _ends(prepared: onnx.ModelProto) -> list[str]:
    names = layers(prepared)
    return names[:1] + names[1:][-1:]


def _last_convolution(prepared: onnx.ModelProto, besides: Sequence[str]) -> list[str]:
    names = [node.name for node in prepared.graph.node if node.op_type == "Conv"]
    return [name for name in names[-1:] if name not in besides]


def _share_of_weights(prepared: onnx.ModelProto, layer: str) -> float:
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in prepared.graph.initializer}
    own = sum(
        sizes.get(n, 0) for node in prepared.graph.node if node.name == layer for n in node.input
    )
    return float(own / sum(sizes.values()))


def _logits(model: onnx.ModelProto, images: NDArray[Any]) -> NDArray[np.float32]:
    session = open_session(model.SerializeToString())
    image = session.inputs[0].name
    parts = [
        session.run({image: images[at : at + _BATCH]})[0] for at in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)
