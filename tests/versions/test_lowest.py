"""The lowest versions: what is pinned, and that the page names those that pyproject.toml allows."""

import re
import tomllib

import pytest

from tests.versions.lowest import ROOT, TOOLS, lowest, requirements

PAGE = (ROOT / "docs" / "reference" / "lowest-versions.md").read_text(encoding="utf-8")


def test_a_bound_becomes_that_very_release() -> None:
    assert lowest("torch>=2.11") == "torch==2.11"
    told = "onnxruntime-gpu>=1.25; sys_platform != 'darwin'"
    assert lowest(told) == "onnxruntime-gpu==1.25; sys_platform != 'darwin'"
    with pytest.raises(ValueError, match="no lower bound"):
        lowest("torch")


def test_every_dependency_is_pinned_and_so_are_the_tools() -> None:
    pinned = requirements()
    assert all("==" in line for line in pinned)
    assert {line.partition("==")[0] for line in pinned} >= {"torch", "onnx", "numpy", *TOOLS}


def test_the_page_says_what_was_tried_of_every_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {
        tuple(requirement.partition(";")[0].split(">=")) for requirement in project["dependencies"]
    }
    tried = set(re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", PAGE, re.M))
    assert tried == bounds, "run tox -e lowest, and bring docs/reference/lowest-versions.md along"
    assert re.search(r"Measured on \d{4}-\d\d-\d\d by `tox -e lowest`", PAGE)
