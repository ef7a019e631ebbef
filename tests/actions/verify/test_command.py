"""`verify` on the command line: lines, JSON, exit codes, and what it never imports."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

import zoo
from cli import main

Tiny = Callable[..., Path]


@pytest.mark.usefixtures("in_folder")
class TestCommand:
    def call(self, *arguments: str | Path, code: int) -> str:
        words = ["verify", *map(str, arguments)]
        done = CliRunner().invoke(main, words, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stdout

    def test_a_line_a_check(self, exports: Path) -> None:
        lines = self.call("--exports", exports, "--no-accuracy", code=0).splitlines()
        assert len(lines) == 20
        assert {line.split()[0] for line in lines} == {"ok", "skipped"}

    def test_json_says_the_same(self, exports: Path) -> None:
        found = json.loads(self.call("mlp", "--exports", exports, "--json", code=0))
        assert found == [asdict(check) for check in zoo.verify("mlp", exports=exports)]

    def test_the_caller_itself_opens_nothing(self, exports: Path) -> None:
        code = (
            "import sys; from pathlib import Path; import zoo\n"
            "checks = zoo.verify(exports=Path(sys.argv[1]))\n"
            "assert {check.status for check in checks} == {'ok', 'warning'}, checks\n"
            "print(*{name.partition('.')[0] for name in sys.modules})"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(exports)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert set(done.stdout.split()) & {"torch", "onnx", "onnxruntime"} == set()

    def test_a_failure_is_exit_1(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        path.write_bytes(path.read_bytes()[:400])
        assert "cut short" in self.call(path, code=1)

    @pytest.mark.parametrize("name", ["gone.onnx", "text.onnx", "folder", "text"])
    def test_what_is_no_model_is_exit_1(self, name: str) -> None:
        Path("folder").mkdir()
        for file in ("text.onnx", "text"):
            Path(file).write_text("some words, and more of them")
        assert "failed" in self.call(name, code=1)

    def test_a_wrong_name_is_exit_2(self) -> None:
        assert self.call("nothing", code=2) == ""

    def test_a_file_cannot_steer_the_terminal(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={"dataset": "\x1b[2J", "accuracy": '{"correct":1,"images":1}'})
        assert "\x1b" not in self.call(path, code=0)
