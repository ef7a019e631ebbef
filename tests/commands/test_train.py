"""`train`: what it leaves, replaces, resumes and refuses."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

import zoo
from cli import main
from zoo.frameworks.pytorch.hooks import Reporter
from zoo.frameworks.pytorch.loop import Trainer

Call = Callable[..., Result]
TRAIN = ("train", "mlp", "--data", "digits", "--epochs", "1")
pytestmark = pytest.mark.usefixtures("one_thread")


class TestTrain:
    def test_it_leaves_a_run_and_names_the_next_step(self, call: Call) -> None:
        done = call(*TRAIN, "--validate", "10%")
        assert "epoch 1/1" in done.stderr
        assert "parameters" in done.stderr
        said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        assert Path(said["weights"]).exists()
        assert Path(said["curves"]).exists()
        (row,) = zoo.read_history(Path(said["history"]))
        assert row.validation_accuracy is not None
        card = json.loads(Path("runs/mlp-digits/run.json").read_text())
        assert card["finished"]
        assert card["options"]["validate"] == 144
        assert row.step == (1438 - 144) // card["options"]["batch"]
        call(*said["next"].removeprefix("python cli.py ").split())

    def test_a_view_and_a_seed_are_in_the_id(self, call: Call) -> None:
        call(*TRAIN, "--size", "16", "--grey", "--seed", "3")
        assert [path.name for path in Path("runs").iterdir()] == ["mlp-digits-16x16-grey-s3"]

    def test_run_names_the_folder_and_goes_into_the_next_step(self, call: Call) -> None:
        done = call(*TRAIN, "--run", "here/mine")
        assert "test mlp --run here/mine" in done.stdout
        assert not Path("runs").exists()
        call("test", "mlp", "--run", "here/mine")

    def test_an_existing_run_is_not_touched(self, call: Call, run: Path) -> None:
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        error = call(*TRAIN, code=2).stderr
        assert "--resume" in error
        assert "--overwrite" in error
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before

    def test_overwrite_replaces_it(self, call: Call, run: Path) -> None:
        call(*TRAIN, "--overwrite", "--lr", "0.001")
        assert json.loads((run / "run.json").read_text())["options"]["lr"] == 0.001

    @pytest.mark.parametrize("folder", [".", "runs/mlp-digits"])
    def test_other_files_in_its_folder_are_nobodys_to_remove(
        self, call: Call, run: Path, folder: str
    ) -> None:
        names = {"notes.csv", "photo.png", "package.json", "other.safetensors"}
        for name in names:
            (Path(folder) / name).write_text("precious")
        call(*TRAIN, "--run", folder, "--overwrite")
        call("test", "mlp", "--run", folder)
        left = {name for name in names if (Path(folder) / name).exists()}
        assert left == names

    def test_resume_of_a_finished_run_says_so(self, call: Call, run: Path) -> None:
        before = (run / "weights.safetensors").read_bytes()
        assert "already finished" in call(*TRAIN, "--resume").stderr
        assert (run / "weights.safetensors").read_bytes() == before

    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            (["--seed", "1"], "--seed 1"),
            (["--epochs", "3"], "--epochs 3"),
            (["--batch", "32"], "--batch 32"),
        ],
        ids=["seed", "epochs", "batch"],
    )
    def test_resume_takes_no_other_options(
        self, call: Call, run: Path, changed: list[str], named: str
    ) -> None:
        error = call("train", "mlp", "--run", run, "--resume", *changed, code=2).stderr
        assert named in error

    def test_resume_of_another_model_is_refused(self, call: Call, run: Path) -> None:
        assert (
            "a run of mlp, not of cnn"
            in call("train", "cnn", "--run", run, "--resume", code=2).stderr
        )

    def test_resume_of_nothing_begins(self, call: Call) -> None:
        call(*TRAIN, "--resume")
        assert Path("runs/mlp-digits/weights.safetensors").exists()

    def test_an_interrupt_keeps_everything_and_resume_goes_on(
        self, call: Call, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tell = Reporter.stepped

        def press_control_c(reporter: Reporter, trainer: Trainer) -> None:
            if trainer.step == 5:
                signal.raise_signal(signal.SIGINT)
            tell(reporter, trainer)

        with monkeypatch.context() as patch:
            patch.setattr(Reporter, "stepped", press_control_c)
            error = call(*TRAIN, "--run", "mine", code=130).stderr
        assert "interrupted after step 5/" in error
        assert "--resume" in error
        assert "not finished" in call("test", "mlp", "--run", "mine", code=1).stderr
        assert "continuing after step 5/" in call(*TRAIN, "--run", "mine", "--resume").stderr
        weights = [folder / "weights.safetensors" for folder in (Path("mine"), run)]
        assert weights[0].read_bytes() == weights[1].read_bytes()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here, so it is not refused")
    def test_a_device_that_is_not_there_is_exit_3_with_the_cause(
        self, call: Call, in_folder: Path
    ) -> None:
        error = call(*TRAIN, "--device", "cuda", code=3).stderr
        assert re.search(r"--device cuda cannot run here: \w+.{10,}", error)
        assert list(in_folder.iterdir()) == []

    @pytest.mark.parametrize("inside", ["file", "file/run"])
    def test_a_file_in_place_of_the_run_is_named(self, call: Call, inside: str) -> None:
        Path("file").write_text("precious")
        assert "file" in call(*TRAIN, "--run", inside, code=1).stderr
        assert Path("file").read_text() == "precious"

    @pytest.mark.parametrize(("batch", "parts"), [("64", "64"), ("7", "3")])
    def test_parts_of_a_single_image_are_refused_in_plain_words(
        self, call: Call, batch: str, parts: str
    ) -> None:
        """Batch normalisation cannot take the mean of one."""
        done = CliRunner().invoke(main, [*TRAIN, "--batch", batch, "--sub-batches", parts])
        assert isinstance(done.exception, SystemExit)
        assert done.exit_code in (1, 2)
        assert "--sub-batches" in done.stderr
