"""`train transfer`, `test transfer`, `export transfer` as they are typed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from zoo.transfer import latents

Call = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent
BACKBONE = ("--backbone", "squeezenet1_1", "--backbone-size", "32", "--backbone-init", "random")
TRAIN = ("train", "transfer", "--data", "digits", "--epochs", "1", *BACKBONE)
ID = "transfer-digits-squeezenet1_1-random"

pytestmark = pytest.mark.usefixtures("one_thread")


def test_train_test_export_and_verify_as_each_names_the_next(call: Call) -> None:
    done = call(*TRAIN, "--head", "linear")
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert said["next"] == f"python cli.py test {ID}"
    assert "random weights, as asked for" in done.stderr
    told = call("test", "transfer").stdout
    assert f"{ID}: accuracy" in told
    assert f"latents      runs/{ID}/latents.png" in told
    done = call("export", "transfer", "--precision", "fp32")
    assert f"wrote     exports/local/{ID}" in done.stdout
    assert Path(f"exports/local/{ID}/head.onnx").exists()
    assert "failed" not in call("verify", "transfer").stdout
    assert ID in call("list", "exports").stdout


def test_it_goes_on_after_a_kill_and_says_that_it_is_finished(
    call: Call, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by itself after the second chunk of latents."""
    monkeypatch.setenv("ZOO_CACHE", str(in_folder / "cache"))
    code = (
        "import os, signal, sys\n"
        "from zoo.transfer import latents\n"
        "before = latents._Store.add\n"
        "def add(store, start, features):\n"
        "    before(store, start, features)\n"
        "    if start: os.kill(os.getpid(), signal.SIGKILL)\n"
        "latents._Store.add = add\n"
        "import cli\n"
        "cli.main(sys.argv[1:])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, *TRAIN],
        env={
            "PYTHONPATH": str(ROOT),
            "ZOO_CACHE": str(in_folder / "cache"),
            "HOME": "/root",
            "OMP_NUM_THREADS": "1",  # a second thread would only wait for a core
        },
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    begun = json.loads(Path(f"runs/{ID}/run.json").read_text())
    assert (begun["finished"], begun["design"]["head"]) == (False, "")
    assert "Continue with --resume" in call(*TRAIN, code=2).stderr
    done = call(*TRAIN, "--resume")
    assert f"{2 * latents.CHUNK} of 1438 are already computed" in done.stderr
    assert "images/s by runtime" not in done.stderr  # the runtime is the one that had begun
    ended = json.loads(Path(f"runs/{ID}/run.json").read_text())
    assert ended["finished"]
    assert ended["latents_runtime"] == begun["latents_runtime"]
    assert "already finished" in call(*TRAIN, "--resume").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backbone", "resnet19"], "Did you mean"),
        (["--backbone", "speednet-cifar100"], "no run and no artifact of speednet-cifar100"),
        (["--weights", "none.pth"], "none.pth: there is no such file"),
        (["--head", "deep"], "--head deep"),
        (["--backbone", "inception_v3", "--backbone-size", "32"], "inception_v3 does not take"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else None,
)
def test_what_cannot_be_is_exit_2_and_leaves_nothing(
    call: Call, in_folder: Path, arguments: list[str], words: str
) -> None:
    base = ["train", "transfer", "--data", "digits"]
    if "--backbone" not in arguments:
        base += ["--backbone", "squeezenet1_1"]
    assert words in call(*base, *arguments, code=2).stderr
    assert list(in_folder.iterdir()) == []


def test_an_option_of_transfer_is_refused_elsewhere(call: Call) -> None:
    done = call("train", "mlp", "--data", "digits", "--backbone", "resnet18", code=2)
    assert "--backbone is for transfer, not for mlp" in done.stderr
