"""`test` and `samples`: what is printed, and what a damaged run is answered."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Call = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("one_thread")


class TestTest:
    def test_it_prints_what_was_found(self, call: Call, run: Path) -> None:
        text = call("test", "mlp").stdout
        assert re.search(r"mlp-digits: accuracy \d+\.\d+% \(.* to .*, 359 images\)", text)
        assert "confusion" in text
        assert re.search(r"is \d, predicted \d \(\d+%\)  (right|WRONG)", text)
        assert str(Path("runs/mlp-digits/confusion.png")) in text

    def test_json_is_all_that_is_printed_and_agrees_with_itself(
        self, call: Call, run: Path
    ) -> None:
        found = json.loads(call("test", "mlp-digits", "--json").stdout)
        assert found == json.loads((run / "test.json").read_text())
        accuracy = found["accuracy"]
        assert accuracy["low"] <= accuracy["share"] <= accuracy["high"]
        assert sum(map(sum, found["confusion"])) == accuracy["images"] == 359
        diagonal = [row[index] for index, row in enumerate(found["confusion"])]
        assert sum(diagonal) == accuracy["correct"]
        assert [share["correct"] for share in found["per_class"].values()] == diagonal
        assert all(Path(path).exists() for path in found["files"].values())

    def test_no_run_is_exit_1_and_names_the_command_that_makes_one(self, call: Call) -> None:
        assert "python cli.py train mlp" in call("test", "mlp", code=1).stderr

    def test_a_folder_that_is_no_run_is_exit_1(self, call: Call) -> None:
        Path("empty").mkdir()
        assert "no run.json" in call("test", "mlp", "--run", "empty", code=1).stderr

    def test_a_file_that_is_no_run_is_exit_1(self, call: Call) -> None:
        Path("file").touch()
        assert "file" in call("test", "mlp", "--run", "file", code=1).stderr

    def test_several_runs_are_exit_2_and_listed(self, call: Call, run: Path) -> None:
        shutil.copytree(run, run.with_name("mlp-digits-s1"))
        told = "--run runs/mlp-digits or --run runs/mlp-digits-s1"
        assert told in call("test", "mlp", code=2).stderr

    def test_of_several_runs_the_one_that_was_taken_is_said(self, call: Call, run: Path) -> None:
        shutil.copytree(run, run.with_name("mlp-cifar10"))
        told = "mlp is mlp-cifar10 here; other runs: mlp-digits"
        assert told in call("test", "mlp").stderr
        assert "here;" not in call("test", "mlp-digits").stderr

    @pytest.mark.parametrize("damage", ["{", '{"options": 3}', "[]"])
    def test_a_damaged_run_does_not_stand_in_the_way_of_another(
        self, call: Call, run: Path, damage: str
    ) -> None:
        other = run.with_name("other")
        other.mkdir()
        (other / "run.json").write_text(damage)
        call("test", "mlp")
        assert "damaged" in call("test", "other", code=1).stderr

    def test_the_command_that_finishes_a_run_really_does(self, call: Call, run: Path) -> None:
        card = run / "run.json"
        card.write_text(card.read_text().replace('"finished": true', '"finished": false'))
        named = re.search(r"python cli\.py (.+)", call("test", "mlp", code=1).stderr)
        assert named
        call(*named[1].split())
        call("test", "mlp")


class TestSamples:
    def test_it_prints_the_path_alone(self, call: Call) -> None:
        done = call("samples", "--data", "digits", "--count", "3", "--out", "grid.png")
        assert done.stdout == "grid.png\n"
        assert Path("grid.png").exists()

    def test_only_its_own_image_is_replaced(self, call: Call) -> None:
        command = ("samples", "--data", "digits", "--count", "3")
        call(*command)
        call(*command)
        for name in ("samples.png", "notes"):
            Path(name).write_text("precious")
            error = call(*command, "--out", name, code=2).stderr
            assert f"{name} exists" in error
            assert Path(name).read_text() == "precious"

    @pytest.mark.parametrize("out", [".", "folder"])
    def test_a_folder_in_place_of_the_image_is_named(self, call: Call, out: str) -> None:
        Path("folder").mkdir()
        done = call("samples", "--data", "digits", "--count", "3", "--out", out, code=1)
        assert "is a folder" in done.stderr

    @pytest.mark.parametrize(
        "arguments", [["--image", "1438"], ["--image", "-1"], ["--count", "0"], ["--count", "401"]]
    )
    def test_a_number_out_of_range_is_exit_2(self, call: Call, arguments: list[str]) -> None:
        assert arguments[0] in call("samples", "--data", "digits", *arguments, code=2).stderr

    def test_data_that_is_not_there_is_exit_1_and_named(self, call: Call) -> None:
        assert "gone/data" in call("samples", "--data", "gone/data", code=1).stderr
