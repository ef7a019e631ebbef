"""What the tests of the commands share: an empty folder to run them in, and a finished run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import zoo
from cli import main

Call = Callable[..., Result]


@pytest.fixture
def call(in_folder: Path) -> Call:
    """Run a command in an empty folder; a traceback fails the test."""

    def invoke(*arguments: str | Path, code: int = 0) -> Result:
        words = [str(argument) for argument in arguments]
        done = CliRunner().invoke(main, words, prog_name="cli.py", catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A finished run of one epoch; tests that change it take `run` instead."""
    folder = tmp_path_factory.mktemp("runs") / "mlp-digits"
    return zoo.train("mlp", zoo.TrainOptions(data="digits", epochs=1), run=folder).folder


@pytest.fixture
def run(finished: Path, in_folder: Path) -> Path:
    """A copy of the finished run, where the commands look for it."""
    return shutil.copytree(finished, in_folder / "runs" / "mlp-digits")
