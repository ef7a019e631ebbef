"""docs/how-to/adding-a-runtime.md: its code is an adapter that measures what it says."""

import re
import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.measuring.arm_process import ArmProcess
from bench.runtimes import Order
from bench.runtimes.adapter import Demands
from bench.runtimes.registry import find_provider, packages_of, unsupported

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "adding-a-runtime.md").read_text(encoding="utf-8")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's first code, as somebody's own module."""
    code = re.search(r"^## 1\..*?\n\n((?: {4}.*\n|\n)+)", PAGE, re.MULTILINE)
    assert code is not None
    (tmp_path / "mine_of_the_page.py").write_text(textwrap.dedent(code[1]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "mine_of_the_page:Mine"


def test_the_code_of_the_page_is_a_runtime(mine: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(60, 3)).astype(np.float32)
    bias = generator.normal(size=3).astype(np.float32)
    graph = helper.make_graph(
        [],
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 4, 5, 3])],
        [],
        [numpy_helper.from_array(part, name) for part, name in ((weights, "w"), (bias, "b"))],
    )
    path, images = tmp_path / "linear.onnx", tmp_path / "images.npy"
    onnx.save(helper.make_model(graph), path)
    pixels = generator.integers(0, 256, (8, 4, 5, 3), dtype=np.uint8)
    np.save(images, pixels)
    out = tmp_path / "logits.npy"
    with ArmProcess(Order(str(path), mine)) as arm:
        assert arm.facts["what_ran"]["runtime_version"] == f"numpy {np.__version__}"
        assert arm.facts["image_shape"] == [4, 5, 3]
        arm.ask("predict", images=str(images), size=3, logits=str(out))
    wanted = pixels.reshape(8, -1).astype(np.float32) @ weights + bias
    np.testing.assert_allclose(np.load(out), wanted, rtol=1e-4, atol=1e-2)


def test_what_it_says_of_itself_is_heard(mine: str) -> None:
    assert packages_of(mine) == ("numpy",)
    assert find_provider("CPU", [mine]) == "cpu"
    assert unsupported(mine, Demands("int8", third_party=False)) == "it has no int8"
    told = unsupported(mine, Demands("fp32", third_party=False, provider="cuda"))
    assert told == f"{mine} computes on cpu, not on cuda"
