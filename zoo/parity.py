"""All bounds on how far answers may differ, and how differences are measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of logits, as a share for `tolerance`.
SAME_SUMS = 1e-4  # fp32 from its network, or a file in another batch or call: rounded otherwise
OTHER_RUNTIME = 1e-3  # for two arms that count as giving the same answers, TF32 included
# The same by what an arm computes fp32 in. bf16 keeps 8 bits of a number, so
# each layer rounds by up to 0.4%, and a batch of one has its own largest logit alone: of 2,048
# images with each of the six networks published here the farthest was 0.069 away, of batches of 64
# the farthest 0.029. Images at half their brightness, red and blue exchanged or rows and columns
# are away by 0.15 to 0.6 in any eight images.
# int8: of a third-party file, whose steps no gate has seen; two runtimes may round a value to
# neighbouring steps. Of the int8 files published here OpenVINO's are up to 0.03 from onnxruntime's.
COMPUTED_IN: Mapping[str, float] = {"fp32": OTHER_RUNTIME, "bf16": 0.1, "int8": 0.1}

# An fp16 or int8 file may be this many times farther from fp32 on another machine than at the gate.
ELSEWHERE = 1.5

# Shares of the images whose answer may turn on another CPU, which rounds in another order: before
# `verify` fails a file by its precision, and before `bench` notes that a card says otherwise.
TURNED: Mapping[str, float] = {"fp32": 1e-4, "fp16": 1e-3, "int8": 1e-3}
TURNED_IN_BENCH = 1e-3

# Of a layer's tensor in `diff`, as a share of its spread, by the coarser precision of the two. fp32
# rounded in another order is below 1e-5 away. fp16 keeps 11 bits of a number. Of the int8 files
# published here the farthest layer is 0.15 away from fp32, and the others' are below 0.11.
LAYERS: Mapping[str, float] = {"fp32": 1e-3, "fp16": 0.02, "int8": 0.25}

# Of latents, by `distance`: a runtime whose latents are farther from those of the first is not
# taken. In fp32 they are within 1e-5 of each other.
LATENTS = 0.05


@dataclass(frozen=True)
class GateBounds:
    """What the gate allows. Counts are of 10,000 images."""

    # fp32: of logits from the network's, as a share for `tolerance`.
    logits: float = SAME_SUMS
    # By precision: images that the file gets wrong and the network right, on balance. For fp32 also
    # images that get another class.
    lost: Mapping[str, int] = field(default_factory=lambda: {"fp32": 1, "fp16": 10, "int8": 50})
    # int8 with its steps computed in float: how many the accuracy may move by, rounded up as
    # `verify` does on another CPU, and how many may get another class. Rounding moves few, a kernel
    # that saturates moves many.
    moved: int = 10
    others: int = 100
    # int8: steps that a quantised number may be away from the same one computed in float.
    steps: int = 1


GATE = GateBounds()


def tolerance(share: float, largest: float) -> float:
    """How far a logit may be from the expected one: a share of (1 + the largest |logit|)."""
    return share * (1 + largest)


def largest(values: NDArray[Any]) -> float:
    """The largest |value|: 0 if there is none, NaN if one is NaN."""
    return float(np.abs(values).max(initial=0))


def distance(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The root mean square difference from the expected rows, as a share of their spread."""
    error = float(np.sqrt(np.square(found - wanted).mean()))
    spread = float(np.sqrt(np.square(wanted - wanted.mean(axis=0)).mean()))
    return error / spread if spread else (math.inf if error else 0.0)
