"""What every test may rely on: a cache of its own, an empty folder, a skip without a GPU."""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.browser import browser, look_at
from tests.shared import (
    begun_run,
    catalog_graph,
    digits_artifact,
    digits_floors,
    digits_run,
    made_once,
    mlp_exports,
    transfer_exports,
)

if TYPE_CHECKING:
    import numpy as np
    from click.testing import Result

    from bench.sweep.matrix import Preset
    from zoo.artifacts.card import Card

__all__ = [
    "begun_run",
    "browser",
    "catalog_graph",
    "digits_artifact",
    "digits_floors",
    "digits_run",
    "look_at",
    "made_once",
    "mlp_exports",
    "transfer_exports",
]

# An example's time says how busy the machine is, not whether the code is right.
settings.register_profile("zoo", deadline=None)
settings.load_profile("zoo")

COLOURS = ("red", "green", "blue")
_ONNX_NAMES = {"uint8": "UINT8", "float32": "FLOAT", "float16": "FLOAT16"}


def pytest_configure(config: pytest.Config) -> None:
    """What JAX has compiled, all processes of the tests and their children may use again."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        compiled = TemporaryDirectory(prefix="onnx-zoo-jax-")
        config.add_cleanup(compiled.cleanup)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled.name
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded data goes to a temporary folder, and no models are published but those of a test.

    Once for all tests and their child processes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("ZOO_HUB", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only wait for a second thread, for long where other work has its core."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a working CUDA device")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(in_folder: Path) -> "Callable[..., Result]":
    """Run a command in an empty folder; a traceback fails the test."""
    from click.testing import CliRunner

    from cli import main

    def invoke(*arguments: object, code: int = 0) -> "Result":
        words = [str(argument) for argument in arguments]
        done = CliRunner().invoke(main, words, prog_name="cli.py", catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.fixture
def tiny_onnx(tmp_path: Path, make_tiny_onnx: Callable[..., Path]) -> Callable[..., Path]:
    """Make such files by name, in the test's own folder."""
    return lambda name="tiny.onnx", **options: make_tiny_onnx(tmp_path / name, **options)


@pytest.fixture(scope="session")
def make_tiny_onnx() -> Callable[..., Path]:
    """Make ONNX files that name the strongest colour of an image: logits are the mean of each.

    batch: a number fixes it. kind: uint8-nhwc takes raw pixels, anything else normalised floats.
    metadata: None for what this project writes, {} for a file that somebody else made.
    """

    def make(
        path: Path,
        *,
        batch: int | str = "batch",
        size: tuple[int | str, int | str] = (4, 5),
        kind: str = "uint8-nhwc",
        classes: int = 3,
        metadata: Mapping[str, str] | None = None,
    ) -> Path:
        import onnx
        from onnx import TensorProto, helper

        dtype, layout = kind.split("-")
        channels_last = layout == "nhwc"
        shape = (batch, *size, 3) if channels_last else (batch, 3, *size)
        weights = [10.0 * (row == column) for row in range(3) for column in range(classes)]
        if dtype == "uint8":
            weights = [weight / 255 for weight in weights]
        nodes = [
            helper.make_node("Cast", ["image"], ["pixels"], "cast", to=TensorProto.FLOAT),
            helper.make_node(
                "ReduceMean",
                ["pixels"],
                ["means"],
                "mean",
                axes=[1, 2] if channels_last else [2, 3],
                keepdims=0,
            ),
            helper.make_node("Gemm", ["means", "weight", "bias"], ["logits"], "head"),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [
                helper.make_tensor_value_info(
                    "image", getattr(TensorProto, _ONNX_NAMES[dtype]), shape
                )
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (batch, classes))],
            [
                helper.make_tensor("weight", TensorProto.FLOAT, (3, classes), weights),
                helper.make_tensor("bias", TensorProto.FLOAT, (classes,), [0.0] * classes),
            ],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tiny"
        )
        facts = _facts(kind, classes) if metadata is None else dict(metadata)
        helper.set_model_props(model, facts)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)
        return path

    return make


def _facts(kind: str, classes: int) -> dict[str, str]:
    names = [COLOURS[label] if label < 3 else f"colour {label}" for label in range(classes)]
    return {
        "class_names": json.dumps(names),
        "model": "tiny",
        "framework": "none",
        "dataset": "colours",
        "fingerprint": "0" * 64,
        "view": "",
        "recipe": "{}",
        "seed": "0",
        "accuracy": json.dumps({"correct": 9, "images": 10}),
        "precision": "fp32",
        "input": kind,
        "mean": json.dumps([0.5, 0.5, 0.5]),
        "std": json.dumps([0.25, 0.25, 0.25]),
        "weights": "0" * 64,
        "versions": "{}",
        "min_onnxruntime": "1.17",
    }


@pytest.fixture
def write_tensor() -> "Callable[[Path, np.ndarray], None]":
    """Write an array as a .pb file, as test vectors are kept."""

    def write(path: Path, array: "np.ndarray") -> None:
        from onnx import numpy_helper

        path.parent.mkdir(exist_ok=True)
        path.write_bytes(numpy_helper.from_array(array).SerializeToString())

    return write


@pytest.fixture
def integer_onnx(tmp_path: Path) -> Callable[[int], Path]:
    """Make files that somebody else made: pixels, an integer product so wide, three logits."""

    def make(width: int) -> Path:
        import numpy as np
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        draw = np.random.default_rng(0)
        tensors = {
            "flat": np.array([0, -1]),
            "first": draw.integers(-9, 9, (60, width)).astype(np.int8),
            "second": draw.random((width, 3), np.float32),
        }
        nodes = [
            helper.make_node("Reshape", ["image", "flat"], ["pixels"]),
            helper.make_node("MatMulInteger", ["pixels", "first"], ["sums"]),
            helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["floats", "second"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes,
            "integers",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 4, 5, 3])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
            [numpy_helper.from_array(value, name) for name, value in tensors.items()],
        )
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        onnx.save(model, tmp_path / f"integers{width}.onnx")
        return tmp_path / f"integers{width}.onnx"

    return make


@pytest.fixture
def make_card() -> "Callable[..., Card]":
    """The card of an artifact with fp32 and int8, as right as its network; `parts` are its own."""
    from zoo.artifacts.card import Card, FileCard
    from zoo.intervals import Accuracy

    def make(**parts: Any) -> Card:
        accuracy: Accuracy = parts.get("accuracy", Accuracy(9, 10, 0.9, 0.5, 0.99))
        files = {
            precision: FileCard(
                f"{precision}.onnx", accuracy, accuracy.images, {"1": 0.0}, None, 3, "1.17"
            )
            for precision in ("fp32", "int8")
        }
        facts: dict[str, Any] = {
            "id": "cnn-digits",
            "model": "cnn",
            "family": "cnn",
            "framework": "pytorch",
            "dataset": "digits",
            "fingerprint": "f" * 64,
            "view": "",
            "class_names": ("0", "1"),
            "image_shape": (32, 32, 3),
            "mean": (0.5, 0.5, 0.5),
            "std": (0.25, 0.25, 0.25),
            "input": "uint8-nhwc",
            "recipe": {"lr": 0.1},
            "seed": 0,
            "weights": "0" * 64,
            "parameters": 40,
            "macs": 30,
            "trained": {"epochs": 1.0},
            "trained_on": "here",
            "accuracy": accuracy,
            "with_views": None,
            "opset": 17,
            "ir_version": 8,
            "machine": "here",
            "cpu_flags": (),
            "versions": {},
            "precisions": files,
        }
        return Card(**(facts | parts))

    return make


@pytest.fixture(scope="session")
def tiny_preset() -> "Preset":
    """Milliseconds where a real one takes seconds: what is measured is right, and means nothing."""
    from bench.measuring.stopping import Length
    from bench.measuring.turns import Plan
    from bench.sweep.matrix import Preset

    length = Length(0.01, 0.03, 0.5, least_calls=4, block_seconds=0.003, agree=math.inf)
    plan = Plan(2, 0.05, least_turns=4, warm_seconds=0.01)
    return Preset("tiny", length, 1, plan, accuracy=True)
