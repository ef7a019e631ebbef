"""Choose what computes latents: torch or onnxruntime, as requested, else the faster one here.

A measurement may come out otherwise the next time, and the weights of the head with it. So the run
stores which one was chosen, and keeps it.
"""

import copy
import time
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.dataset import Images
from zoo.frameworks.pytorch.evaluate import autocast
from zoo.machine.devices import native_bf16
from zoo.models.pixels import FromPixels
from zoo.models.resize import Resize
from zoo.ort.session import open_session
from zoo.ort.signature import IMAGE
from zoo.parity import LATENTS, distance
from zoo.progress import Progress
from zoo.transfer.frozen_backbone import FrozenBackbone
from zoo.transfer.latents import Features, LatentsKey, Runtime, finished
from zoo.transfer.network import Transfer, normalisation

BATCH = 32
SECONDS = 1.0  # of measuring, for each runtime
TOLD = 0.001  # how far away latents are is said from here on
NARROW = 32  # channels that a filter takes in, up to which bf16 gains little


def runtimes_for(
    frozen: FrozenBackbone,
    image_shape: tuple[int, int, int],
    device: torch.device,
    precision: str,
    name: str | None = None,
) -> list[Runtime]:
    """Those that may compute the latents, each of them opened by its first call.

    precision: `fp32`, `bf16`, or `auto` for both where the hardware computes in bf16. name:
    `torch` (in any precision) or `onnxruntime` (in fp32); None for both.
    """
    wanted = ["fp32"] if precision == "auto" else [precision]
    if precision == "auto" and native_bf16(device):
        wanted.append("bf16")
    width = frozen.trunk.width
    opened = {
        ("torch", kind): partial(_torch, frozen, image_shape, device, kind) for kind in wanted
    }
    if "fp32" in wanted:
        opened["onnxruntime", "fp32"] = partial(_onnxruntime, frozen, image_shape, device)
    return [
        Runtime(known, kind, width, _lazy(make), device.type)
        for (known, kind), make in opened.items()
        if name in (None, known)
    ]


def choose_runtime(
    runtimes: Sequence[Runtime],
    key: LatentsKey,
    images: Images,
    progress: Progress,
    seconds: float = SECONDS,
) -> Runtime:
    """The one that has computed the most of these latents already, else the fastest."""
    done = [finished(key, images, runtime) for runtime in runtimes]
    if max(done):
        return runtimes[done.index(max(done))]
    some = np.ascontiguousarray(images[:BATCH])
    if len(runtimes) == 1:
        runtimes[0].run(some)  # one that cannot run is no choice to store
        return runtimes[0]
    return fastest(runtimes, some, progress, seconds)


def fastest(
    runtimes: Sequence[Runtime], some: Images, progress: Progress, seconds: float = SECONDS
) -> Runtime:
    """By measuring, among those whose latents of these images are those of the first.

    On others than the whole network gives it a head would be trained in vain: in bf16 some
    backbones lose a third of what tells images apart.
    """
    wanted = runtimes[0].run(some)
    rates, told = [], []
    for runtime in runtimes:
        away = distance(runtime.run(some), wanted)  # the first call: it also opens the runtime
        fits = away <= LATENTS
        rate = _images_per_second(runtime, some, seconds) if fits else 0.0
        rates.append(rate)
        words = f"{rate:,.0f}" if fits else "not taken"
        if away >= TOLD:
            words += f" (its latents differ by {away:.1%})"
        told.append(f"{runtime.title} {words}")
    chosen = runtimes[int(np.argmax(rates))]
    progress.say(f"images/s by runtime: {', '.join(told)}; taking {chosen.title}")
    return chosen


def _images_per_second(runtime: Runtime, some: Images, seconds: float) -> float:
    started, calls = time.perf_counter(), 0
    while calls < 1 or time.perf_counter() - started < seconds:
        runtime.run(some)
        calls += 1
    return calls * len(some) / (time.perf_counter() - started)


def _lazy(make: Callable[[], Callable[[Images], Features]]) -> Callable[[Images], Features]:
    opened = cache(make)
    return lambda images: opened()(images)


def _network(frozen: FrozenBackbone, image_shape: tuple[int, int, int]) -> Transfer:
    return frozen.under(image_shape, torch.nn.Identity()).eval()


def _torch(
    frozen: FrozenBackbone, image_shape: tuple[int, int, int], device: torch.device, precision: str
) -> Callable[[Images], Features]:
    mean, std = normalisation(frozen.backbone, image_shape[2])
    network: nn.Module = FromPixels(_network(frozen, image_shape), mean, std).eval()
    if precision != "fp32":
        network = _begun_in_fp32(network)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(images: Images) -> Features:
        pixels = torch.from_numpy(images).to(device)
        with autocast(device, precision):
            latents = network(pixels)
        found: Features = latents.float().cpu().numpy()
        return found

    return run


def _begun_in_fp32(network: nn.Module) -> nn.Module:
    """A copy whose resizing and narrow convolutions autocast leaves alone.

    Most of these come first, and what they round all layers behind them carry on: they cost little
    time in fp32, and without them latents are two to five times further from those of fp32.
    """
    network = copy.deepcopy(network)
    for name, module in list(network.named_modules()):
        if isinstance(module, Resize) or (
            isinstance(module, nn.Conv2d) and module.in_channels // module.groups <= NARROW
        ):
            network.set_submodule(name, _InFp32(module))
    return network


class _InFp32(nn.Module):
    """A layer that computes in fp32 whatever autocast says."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        with autocast(x.device, "fp32"):
            answer: Tensor = self.layer(x.float())
        return answer


def _onnxruntime(
    frozen: FrozenBackbone, image_shape: tuple[int, int, int], device: torch.device
) -> Callable[[Images], Features]:
    # Here, for it takes long to import and torch may be all that computes.
    import onnx_ir as ir

    from zoo.frameworks.pytorch.convert import convert

    mean, std = normalisation(frozen.backbone, image_shape[2])
    model = ir.to_proto(convert(_network(frozen, image_shape), image_shape, mean, std))
    session = open_session(
        model.SerializeToString(), name=frozen.backbone.name, provider=device.type
    )

    def run(images: Images) -> Features:
        found: Features = session.run({IMAGE: images})[0]
        return found

    return run
