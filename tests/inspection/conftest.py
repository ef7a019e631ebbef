"""What the tests of the inspection share: one process for the files of a module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

from zoo.inspection.found import Inspection
from zoo.inspection.inspector import Inspector

Tiny = Callable[..., Path]
Change = Callable[[ModelProto], object]


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector(seconds=30) as shared:
        yield shared


@pytest.fixture
def changed(tiny_onnx: Tiny, inspector: Inspector) -> Callable[[Change], Inspection]:
    """What is found about a good file after a change of its model."""

    def look(change: Change) -> Inspection:
        path = tiny_onnx()
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString())
        return inspector.inspect(path)

    return look
