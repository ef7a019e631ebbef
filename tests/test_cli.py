"""The command line as a person and as a script meet it: answers, exit codes, words of help."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

import zoo
from cli import NumbersType, ShareType, SizeType, main
from zoo import listing
from zoo.catalog import MODELS
from zoo.training.hooks import Display
from zoo.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).parent.parent
TRAIN = ("train", "mlp", "--data", "digits", "--epochs", "1")

Call = Callable[..., Result]
Value = TypeVar("Value")


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
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one epoch; tests that change it take `run` instead."""
    folder = tmp_path_factory.mktemp("runs") / "mlp-digits"
    return zoo.train("mlp", zoo.TrainOptions(data="digits", epochs=1), run=folder).folder


@pytest.fixture
def run(finished: Path, in_folder: Path) -> Path:
    """A copy of the finished run, where the commands look for it."""
    return shutil.copytree(finished, in_folder / "runs" / "mlp-digits")


class TestNames:
    @pytest.mark.parametrize(
        ("arguments", "meant"),
        [
            (["trian", "mlp"], "train"),
            (["train", "mpl", "--data", "digits"], "mlp"),
            (["train", "mlp", "--data", "digist"], "digits"),
            (["train", "mlp", "--epoch", "1"], "--epochs"),
            (["test", "mlpp"], "mlp"),
            (["list", "modles"], "models"),
            (["samples", "--data", "cifar-10"], "cifar10"),
        ],
        ids=" ".join,
    )
    def test_a_slip_is_exit_2_and_the_near_name_is_offered(
        self, call: Call, arguments: list[str], meant: str
    ) -> None:
        done = call(*arguments, code=2)
        assert re.search(rf"Did you mean .*{meant}\b", done.stderr)
        assert done.stdout == ""

    @pytest.mark.parametrize(
        ("arguments", "known"),
        [
            (["zzz"], f"Known: {', '.join(sorted(main.commands))}."),
            (["train", "zzz"], f"Known: {', '.join(sorted(MODELS))}."),
            (["samples", "--data", "zzz"], "Known: a folder, a zip, cifar10"),
            ([*TRAIN, "--device", "cud"], "Did you mean cuda"),
            ([*TRAIN, "--precision", "zzz"], "Known: auto, bf16, fp16, fp32"),
        ],
        ids=["command", "model", "data", "device", "precision"],
    )
    def test_without_a_near_name_the_known_ones_are_listed(
        self, call: Call, arguments: list[str], known: str
    ) -> None:
        assert known in call(*arguments, code=2).stderr


class TestHelp:
    def test_help_names_every_command_and_where_to_begin(self, call: Call) -> None:
        text = call("--help").stdout
        assert "quickstart" in text.split("Commands:")[0]
        for name in main.commands:
            assert f"\n  {name} " in text

    @pytest.mark.parametrize("name", main.commands)
    def test_every_command_and_option_says_what_it_is_for(self, name: str) -> None:
        command = main.commands[name]
        assert command.help
        options = [option for option in command.params if isinstance(option, click.Option)]
        untold = {option.name for option in options if not option.help}
        assert untold <= {"count", "folder"}  # their default says it

    def test_version(self, call: Call) -> None:
        assert call("--version").stdout == f"{zoo.__version__}\n"

    def test_no_command_is_wrong_usage_and_shows_the_help(self, call: Call) -> None:
        assert "Commands:" in call(code=2).output


class TestList:
    @pytest.mark.parametrize("what", listing.LISTINGS)
    def test_a_pipe_gets_an_item_a_line_name_first_and_whole(
        self, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "20")  # however narrow the terminal is said to be
        done = subprocess.run(
            [sys.executable, "cli.py", "list", what],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        assert lines == [list(row.values()) for row in listing.list_things(what)]

    def test_models_are_the_default(self, call: Call) -> None:
        assert call("list").stdout == call("list", "models").stdout

    @pytest.mark.parametrize("what", listing.LISTINGS)
    def test_json(self, call: Call, what: str) -> None:
        assert json.loads(call("list", what, "--json").stdout) == listing.list_things(what)


def converted(kind: click.ParamType[Value], text: str) -> Value | None:
    """What the option makes of the text; None where it refuses it, which must name the text."""
    try:
        return kind.convert(text, None, None)
    except click.BadParameter as refused:
        return None if text in refused.message else pytest.fail(f"{text} is not named")


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "size"), [("28", (28, 28)), ("28x40", (28, 40)), ("16X24", (16, 24))]
    )
    def test_sizes(self, text: str, size: tuple[int, int]) -> None:
        assert SizeType().convert(text, None, None) == size

    @pytest.mark.parametrize(
        ("text", "share"), [("5000", 5000), ("10%", 0.1), ("0", 0), ("0.5%", 0.005), ("1", 1)]
    )
    def test_shares(self, text: str, share: float) -> None:
        assert ShareType().convert(text, None, None) == pytest.approx(share)

    @pytest.mark.parametrize(
        ("text", "numbers"), [(".485,.456, 0.4", (0.485, 0.456, 0.4)), ("-1", (-1.0,))]
    )
    def test_numbers(self, text: str, numbers: tuple[float, ...]) -> None:
        assert NumbersType().convert(text, None, None) == numbers

    @pytest.mark.parametrize("text", ["", "1,", "a", "1;2"])
    def test_what_is_no_list_of_numbers_is_refused(self, text: str) -> None:
        assert converted(NumbersType(), text) is None

    @given(st.text("0123456789xX-+. ²٣e_", max_size=8))
    @example("²8")
    @example("٣")
    @example("28x")
    @example("0x28")
    def test_a_size_is_two_positive_numbers_or_refused(self, text: str) -> None:
        size = converted(SizeType(), text)
        assert size is None or all(side > 0 for side in size)

    @given(st.text("0123456789%-+. ²enaif_", max_size=8))
    @example("nan%")
    @example("inf")
    @example("-0")
    @example("100%")
    def test_a_share_is_below_1_or_a_whole_count_or_refused(self, text: str) -> None:
        share = converted(ShareType(), text)
        assert share is None or (0 <= share < 1 if "%" in text else share == int(share) >= 0)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--size", "big"],
            ["--size", "28x28x3"],
            ["--size", "0"],
            ["--validate", "some"],
            ["--validate", "100%"],
            ["--validate", "2.5"],
            ["--validate", "-1"],
            ["--seed", "-1"],
            ["--seed", "one"],
        ],
        ids=" ".join,
    )
    def test_a_value_that_makes_no_sense_is_exit_2_and_named(
        self, call: Call, arguments: list[str]
    ) -> None:
        error = call(*TRAIN, *arguments, code=2).stderr
        assert arguments[0] in error
        assert arguments[1] in error

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--epochs", "0"],
            ["--epochs", "nan"],
            ["--epochs", "inf"],
            ["--lr", "0"],
            ["--lr", "nan"],
            ["--batch", "1"],
            ["--sub-batches", "0"],
            ["--sub-batches", "100000"],
            ["--validate", "5000"],
            ["--resume", "--overwrite"],
        ],
        ids=" ".join,
    )
    def test_a_training_that_cannot_be_is_exit_2_and_leaves_nothing(
        self, call: Call, in_folder: Path, arguments: list[str]
    ) -> None:
        assert arguments[0] in call(*TRAIN, *arguments, code=2).stderr
        assert list(in_folder.iterdir()) == []


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
        def press_control_c(display: Display, trainer: Trainer) -> None:
            if trainer.step == 5:
                signal.raise_signal(signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(Display, "stepped", press_control_c)
            error = call(*TRAIN, "--run", "mine", code=130).stderr
        assert "interrupted after step 5/" in error
        assert "--resume" in error
        assert "not finished" in call("test", "mlp", "--run", "mine", code=1).stderr
        assert "going on after step 5/" in call(*TRAIN, "--run", "mine", "--resume").stderr
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
    def test_parts_of_a_single_picture_are_refused_in_plain_words(
        self, call: Call, batch: str, parts: str
    ) -> None:
        """Batch normalisation cannot take the mean of one."""
        done = CliRunner().invoke(main, [*TRAIN, "--batch", batch, "--sub-batches", parts])
        assert isinstance(done.exception, SystemExit)
        assert done.exit_code in (1, 2)
        assert "--sub-batches" in done.stderr


class TestTest:
    def test_it_prints_what_was_found(self, call: Call, run: Path) -> None:
        text = call("test", "mlp").stdout
        assert re.search(r"mlp-digits: accuracy \d+\.\d+% \(.* to .*, 359 pictures\)", text)
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
        assert "mlp-digits, mlp-digits-s1" in call("test", "mlp", code=2).stderr

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

    @pytest.mark.parametrize("out", [".", "folder"])
    def test_a_folder_in_place_of_the_picture_is_named(self, call: Call, out: str) -> None:
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


class TestPredict:
    @pytest.fixture
    def model(self, tiny_onnx: Callable[..., Path], in_folder: Path) -> str:
        """An ONNX file and two pictures, one below a folder, where the command looks for them."""
        tiny_onnx()
        Path("pictures").mkdir()
        Image.new("RGB", (70, 50), (255, 0, 0)).save("pictures/red.png")
        Image.new("L", (3, 3), 255).save("grey.jpg")
        return "tiny.onnx"

    def test_a_line_for_each_picture(self, call: Call, model: str) -> None:
        done = call("predict", model, "pictures", "grey.jpg", "--top", "2")
        assert done.stdout.splitlines() == [
            "pictures/red.png  red 100.0%, green 0.0%",
            "grey.jpg  red 33.3%, green 33.3%",
        ]

    def test_json_and_csv_agree(self, call: Call, model: str) -> None:
        found = json.loads(call("predict", model, "pictures", "grey.jpg", "--json").stdout)
        table = call("predict", model, "pictures", "grey.jpg", "--csv").stdout
        rows = list(csv.DictReader(table.splitlines()))
        assert list(rows[0]) == ["path", "rank", "class", "probability"]
        assert [
            (row["path"], int(row["rank"]), row["class"], float(row["probability"])) for row in rows
        ] == [
            (each["path"], rank, guess["class"], guess["probability"])
            for each in found
            for rank, guess in enumerate(each["guesses"], 1)
        ]
        assert len(rows) == 6

    def test_what_cannot_be_read_is_named_and_counted(self, call: Call, model: str) -> None:
        Path("bad.png").write_text("no picture")
        asked = ("predict", model, "bad.png", "gone.png", "pictures")
        done = call(*asked, code=1)
        assert done.stdout.startswith("pictures/red.png  red")
        assert "unreadable: bad.png: not a picture" in done.stderr
        assert "unreadable: gone.png: No such file" in done.stderr
        assert "error: 2 of 3 pictures could not be read." in done.stderr
        found = json.loads(call(*asked, "--json", code=1).stdout)
        assert ["problem" in each for each in found] == [True, True, False]

    def test_json_that_ends_early_is_json(self, call: Call, model: str) -> None:
        """Of black the logarithm is not a number, which stops the second batch."""
        network = onnx.load(model)
        network.graph.node[-1].input[0] = "logarithms"
        logarithm = onnx.helper.make_node("Log", ["means"], ["logarithms"])
        network.graph.node.insert(len(network.graph.node) - 1, logarithm)
        onnx.save(network, model)
        Image.new("L", (3, 3), 0).save("black.png")
        done = call("predict", model, *["grey.jpg"] * 64, "black.png", "--json", code=1)
        assert "not numbers" in done.stderr
        assert len(json.loads(done.stdout)) == 64

    def test_no_picture_is_an_error(self, call: Call, model: str) -> None:
        Path("empty").mkdir()
        assert "there is no picture" in call("predict", model, "empty", code=1).stderr
        call("predict", model, code=2)

    def test_save_draws_them(self, call: Call, model: str) -> None:
        call("predict", model, "pictures", "--save", "grid.png")
        with Image.open("grid.png") as drawn:
            assert drawn.format == "PNG"

    @pytest.mark.parametrize(
        ("arguments", "code", "cause"),
        [
            (["gone.onnx", "grey.jpg"], 1, "there is no file gone.onnx"),
            (["grey.jpg", "grey.jpg"], 1, "grey.jpg is refused: "),
            (["cnnn", "grey.jpg"], 2, "Did you mean cnn"),
            (["cnn", "grey.jpg"], 1, "python cli.py export cnn"),
            (["tiny.onnx", "grey.jpg", "--provider", "cdua"], 2, "Did you mean cuda"),
            (["tiny.onnx", "grey.jpg", "--mean", "a,b"], 2, "'a,b' is not a list of numbers"),
            (["tiny.onnx", "grey.jpg", "--std", "1"], 2, "leave --mean and --std away"),
            (["tiny.onnx", "grey.jpg", "--top", "0"], 2, "--top"),
            (["tiny.onnx", "grey.jpg", "--precision", "int8"], 2, "leave --precision away"),
            (["tiny.onnx", "grey.jpg", "--json", "--csv"], 2, "--json and --csv"),
            (["tiny.onnx", "grey.jpg", "--save", "pictures"], 1, "is a folder"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_cannot_be_is_refused_with_its_cause(
        self, call: Call, model: str, arguments: list[str], code: int, cause: str
    ) -> None:
        done = call("predict", *arguments, code=code)
        assert cause in done.stderr
        assert done.stdout == ""

    @pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here, so it is not refused")
    def test_cuda_that_is_not_there_is_exit_3_with_the_cause(self, call: Call, model: str) -> None:
        error = call("predict", model, "grey.jpg", "--provider", "cuda", code=3).stderr
        assert re.search(r"--provider cuda cannot run here: \w+.{10,}", error)

    def test_mean_and_std_may_be_negative_and_several(
        self, call: Call, tiny_onnx: Callable[..., Path], model: str
    ) -> None:
        tiny_onnx(kind="float32-nchw", metadata={})
        normalised = ("--mean", "-.1,.5,.5", "--std", "1,1,1")
        done = call("predict", model, "grey.jpg", *normalised, "--top", "1")
        assert done.stdout.startswith("grey.jpg  class 0 99.")

    def test_names_of_strangers_do_not_steer_the_terminal(
        self, call: Call, tiny_onnx: Callable[..., Path], model: str
    ) -> None:
        tiny_onnx(metadata={"class_names": json.dumps(["\x1b[2J\nred", "ü", "b"])})
        Path("a\nb.png").write_bytes(Path("pictures/red.png").read_bytes())
        (line,) = call("predict", model, "a\nb.png").stdout.splitlines()
        assert line.startswith("a�b.png  �[2J�red 100.0%, ü")
        assert (
            "error: there is no file \ufffd[2J.onnx."
            in call("predict", "\x1b[2J.onnx", "grey.jpg", code=1).stderr
        )

    def test_a_reader_that_goes_away_is_no_traceback(self, model: str) -> None:
        command = [sys.executable, str(ROOT / "cli.py"), "predict", model, *["grey.jpg"] * 3000]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout
            assert child.stderr
            child.stdout.readline()
            child.stdout.close()
            assert child.stderr.read() == b""


class TestDoctor:
    def test_json_says_what_the_text_says(self, call: Call) -> None:
        def looked_at(*arguments: str) -> Result:
            return CliRunner().invoke(main, ["doctor", *arguments], catch_exceptions=False)

        text, parsed = looked_at(), looked_at("--json")
        found = json.loads(parsed.stdout)
        assert [line.split()[0] for line in text.stdout.splitlines()] == [
            finding["status"] for finding in found
        ]
        problems = any(finding["status"] == "problem" for finding in found)
        assert text.exit_code == parsed.exit_code == int(problems)


def test_an_interrupt_anywhere_is_exit_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "list_things", interrupt)
    done = call("list", code=130)
    assert (done.stdout, done.stderr) == ("", "interrupted\n")
