"""Names without a plain file, and bytes without a model."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.inspection.inspector import Inspector, inspect

Tiny = Callable[..., Path]


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field, as they nest to make a model."""
    size, length = bytearray(), len(content)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + content


class TestNotAFile:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("gone.onnx", "there is no such file"),
            (".", "it is a folder"),
            ("pipe", "it is not a plain file"),
            ("empty", "it is empty"),
            ("large", "an ONNX file must be smaller than 2"),
        ],
    )
    def test_refused_at_sight(self, in_folder: Path, name: str, reason: str) -> None:
        os.mkfifo("pipe")
        Path("empty").touch()
        with Path("large").open("wb") as sparse:
            sparse.truncate(2 << 30)
        found = inspect(Path(name))
        assert not found.ok
        assert reason in found.reason

    @pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
    def test_unreadable(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        path.chmod(0)
        assert "cannot be read" in inspect(path).reason

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"# Readme\n\nwords and more words", "it is not an ONNX file"),
            (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is not an ONNX file"),
            (bytes(100), "it is not an ONNX file"),
            (b"\x08\x08", "it holds no graph"),
            (b"\x08" + b"\xff" * 20, "a number in it does not end"),
            (b"\x08\x08\x3a\xff\xff\xff\xff\x07", "it is cut short"),
        ],
        ids=["text", "image", "zeros", "no graph", "endless number", "2 GB claim"],
    )
    def test_other_bytes(
        self, tmp_path: Path, inspector: Inspector, content: bytes, reason: str
    ) -> None:
        path = tmp_path / "file.onnx"
        path.write_bytes(content)
        assert reason in inspector.inspect(path).reason

    def test_every_truncation(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        path = tiny_onnx()
        data = path.read_bytes()
        for size in range(1, len(data), 7):
            path.write_bytes(data[:size])
            found = inspector.inspect(path)
            # Metadata stands at the end: a file cut between two entries is a smaller good file.
            assert not found.ok or len(found.metadata) < 16
        path.write_bytes(data[: len(data) // 2])
        assert "it is cut short" in inspector.inspect(path).reason


def test_deep_nesting_is_refused(tmp_path: Path, inspector: Inspector) -> None:
    data = b""
    for _ in range(20_000):  # a node with an attribute that is a graph with a node
        data = field(1, field(5, field(6, data)))
    path = tmp_path / "deep.onnx"
    path.write_bytes(b"\x08\x08" + field(7, data))
    assert not inspector.inspect(path).ok
