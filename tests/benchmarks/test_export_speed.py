"""How fast the exported files answer, as ratios of two arms that take turns in one process.

    tox -e bench -- -k export
    .venv/bin/python tests/benchmarks/avx2_only.py -k int8_against  # as on a CPU without VNNI

ONNX Runtime on the CPU, the same threads on both sides, random images in the shape of CIFAR-10.
"""

import os
import time
import warnings
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.exporting.quantize import calibrate, prepare, quantize
from zoo.frameworks.pytorch.convert import convert
from zoo.graphs.fusable import fusable
from zoo.machine.cpu import cpu_flags
from zoo.ort.session import Session, open_session
from zoo.specs.catalog import MODELS, find_model

ALONE = [name for name, spec in MODELS.items() if spec.framework == "pytorch" and not spec.way]
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
TURN_SECONDS = 0.7

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]
Pixels = NDArray[np.uint8]


def pixels(count: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def network_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return find_model(name).build((32, 32, 3), 10).eval()


def turn(answer: Callable[[Pixels], object], batch: int) -> Arm:
    images = pixels(batch)

    def run() -> float:
        calls, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < TURN_SECONDS:
            answer(images)
            calls += 1
        return calls * batch / elapsed

    return run


def ours(name: str) -> Session:
    model = fusable(convert(network_of(name), (32, 32, 3), MEAN, STD))
    return open_session(ir.to_proto(model).SerializeToString())


def plain_export(name: str) -> Session:
    """What torch.onnx.export makes of the network by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network_of(name),
            (torch.zeros(2, 3, 32, 32),),
            dynamo=True,
            dynamic_shapes=({0: "batch"},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    return open_session(program.model_proto.SerializeToString())


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("name", ALONE)
def test_pixels_to_logits_against_numpy_and_a_plain_export(
    compare: Compare, name: str, batch: int
) -> None:
    our_file, plain = ours(name), plain_export(name)
    scale = (1 / (255 * np.array(STD))).astype(np.float32)
    offset = (-np.array(MEAN) / np.array(STD)).astype(np.float32)
    (tensor,) = plain.inputs

    def usual(images: Pixels) -> object:
        values = images.astype(np.float32) * scale + offset
        return plain.run({tensor.name: np.ascontiguousarray(values.transpose(0, 3, 1, 2))})

    compare(
        turn(lambda images: our_file.run({"image": images}), batch), turn(usual, batch), "1.00x"
    )


@pytest.mark.parametrize("name", [name for name in ALONE if name != "densenet-bc-100-12"])
def test_int8_against_fp32_at_batch_64(compare: Compare, name: str) -> None:
    prepared = prepare(convert(network_of(name), (32, 32, 3), MEAN, STD))
    int8 = quantize(prepared, calibrate(prepared, pixels(256)))
    fast, fp32 = open_session(int8.SerializeToString()), ours(name)
    vnni = (
        bool(cpu_flags() & {"avx512_vnni", "avx_vnni"}) and "ZOO_BENCH_AVX2_ONLY" not in os.environ
    )
    floor = ("1.70x" if vnni else "1.40x") if name in ("cnn", "speednet") else "none, reported"
    compare(
        turn(lambda images: fast.run({"image": images}), 64),
        turn(lambda images: fp32.run({"image": images}), 64),
        floor,
    )
