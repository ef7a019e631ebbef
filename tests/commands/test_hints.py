"""What a message proposes works when it is followed: commands, options and names."""

import ast
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from bench.subjects.subject import Subject
from cli import main
from zoo.artifacts.artifact import find_artifact, how_to_export
from zoo.commands.group import WORKFLOWS
from zoo.commands.parameters import SizeType
from zoo.data.known import KNOWN
from zoo.errors import UsageError
from zoo.ort.given import Given
from zoo.ort.session import open_session
from zoo.ort.signature import Signature
from zoo.runs.run import Run

Call = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent
# Of other programs: pip, bench.pair.planted, pytest, nvidia-smi.
OTHERS = {"--force-reinstall", "--benchmark-json"}
OTHERS |= {"--layers", "--benchmark-autosave", "--query-gpu", "--query-compute-apps", "--format"}


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
        if isinstance(option, click.Option)
    } | {"--help"}


OPTIONS = {name: options_of(command) for name, command in main.commands.items()}


def parse(words: list[str]) -> None:
    """What click makes of a proposed command, without running it."""
    context = click.Context(main, info_name="cli.py")
    name, command, rest = main.resolve_command(context, words)
    assert command is not None
    command.make_context(name, rest, parent=context)


def proposed(text: str) -> list[list[str]]:
    """The commands that a message proposes, each to the end of its line or sentence."""
    found = re.findall(r"python cli\.py ((?:[^\n]*?))(?=\.?$|\. [A-Z(])", text, re.M)
    return [shlex.split(command) for command in found]


def texts(path: Path) -> Iterator[str]:
    """Every text of a module that is said, which its docstrings are not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.value


MODULES = [
    path
    for path in (ROOT / "cli.py", *(ROOT / "zoo").rglob("*.py"), *(ROOT / "bench").rglob("*.py"))
    if path.name != "style.py"  # in CSS a name that begins so is no option
]


class TestWhatTheCodeSays:
    def test_every_option_in_a_message_is_one(self) -> None:
        known = set.union(*OPTIONS.values()) | {"--version"} | OTHERS
        unknown = {
            (path.relative_to(ROOT).as_posix(), option)
            for path in MODULES
            for text in texts(path)
            for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*[a-z0-9]", text)
            if option not in known
        }
        assert unknown == set()

    def test_every_command_in_a_message_is_one_with_these_options(self) -> None:
        found = 0
        for path in MODULES:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "command"):
                    continue
                words = [part.value for part in node.args if isinstance(part, ast.Constant)]
                found += 1
                assert words[0] in OPTIONS, path
                assert {word for word in words[1:] if word.startswith("-")} <= OPTIONS[words[0]]
        assert found > 8

    def test_no_message_names_a_command_in_another_way(self) -> None:
        written = {
            (path.relative_to(ROOT).as_posix(), name)
            for path in MODULES
            for text in texts(path)
            for name in re.findall(r"python cli\.py (\S+)", text)
        }
        assert {name.rstrip(").`;") for _, name in written} <= {*OPTIONS, ""}


@pytest.fixture
def image(in_folder: Path) -> Path:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save("image.png")
    return Path("image.png")


def follow(call: Call, text: str) -> None:
    """Run what a message proposes, one after the other, to success."""
    commands = proposed(text)
    assert commands
    for words in commands:
        call(*words)


class TestPrecisions:
    """`predict --precision fp16` of an artifact that has none."""

    def test_it_is_made_from_fp32_and_loses_nothing(
        self, call: Call, run: Path, image: Path
    ) -> None:
        call("export", "mlp", "--precision", "fp32,int8")
        shutil.rmtree("runs")
        told = call("predict", "mlp", image, "--precision", "fp16", code=2).stderr
        assert proposed(told) == [["export", "mlp-digits", "--mend", "--precision", "fp16"]]
        follow(call, told)
        call("predict", "mlp", image, "--precision", "fp16")
        call("predict", "mlp", image, "--precision", "int8")
        told = call("predict", "mlp", image, "--precision", "fp8", code=2).stderr
        assert "Name one of them: --precision fp32 or fp16 or int8" in told

    def test_it_goes_to_the_folder_that_was_named(self, call: Call, run: Path, image: Path) -> None:
        call("export", "mlp", "--precision", "fp32", "--exports", "my exports")
        words = ("predict", "mlp", image, "--precision", "int8", "--exports", "my exports")
        follow(call, call(*words, code=2).stderr)
        call(*words)

    @pytest.mark.parametrize(
        "words",
        [
            ("predict", "mlp", "image.png", "--precision", "fp16"),
            ("show", "mlp", "--precision", "fp16"),
            ("diff", "mlp:fp32", "mlp:fp16"),
            ("diff", "mlp", "--precision", "fp32,fp16"),
            ("compare", "mlp", "mlp", "--precision", "fp32,fp16"),
            ("bench", "mlp", "--precision", "fp16"),
            ("bench", "mlp", "--precision", "fp32,fp16", "--dry-run"),
        ],
        ids=" ".join,
    )
    def test_every_command_says_what_makes_it(
        self,
        call: Call,
        mlp_exports: Path,
        image: Path,
        words: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("ZOO_HUB", str(mlp_exports))
        told = call(*words, code=0 if words[0] == "bench" else 2).stderr
        assert proposed(told) == [["export", "mlp-digits", "--mend", "--precision", "fp16"]]

    @pytest.mark.parametrize("name", ["mlp", "mlp-digits"])
    def test_export_without_a_run_names_what_needs_none(
        self, call: Call, mlp_exports: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ZOO_HUB", str(mlp_exports))
        for options in ([], ["--publish"], ["--exports", "mine"]):
            told = call("export", name, "--precision", "fp32,fp16", *options, code=1).stderr
            make = ["export", "mlp-digits", "--mend", "--precision", "fp16", *options]
            assert proposed(told) == [["train", "mlp", "--data", "digits"], make]
        follow(call, told.partition("\n")[2])
        # With all files there, or of another form, only the run is left.
        told = call("export", "mlp", "--exports", "mine", code=1).stderr
        assert proposed(told) == [["train", "mlp"]]
        told = call("export", "mlp", "--input", "float32-nchw", code=1).stderr
        assert proposed(told) == [["train", "mlp"]]

    def test_a_file_of_floats_is_made_with_its_form(self, call: Call, run: Path) -> None:
        call("export", "mlp", "--precision", "fp32", "--input", "float32-nchw")
        told = find_artifact("mlp").remedy("int8")
        follow(call, told)
        assert find_artifact("mlp").precisions == ("fp32", "int8")


def test_the_bare_command_shows_workflows_that_work(call: Call) -> None:
    said = call("--help").stdout
    for title, lines in WORKFLOWS.items():
        assert f"{title}:" in said
        for line in lines:
            assert f"  python cli.py {line}\n" in said
            parse(shlex.split(line))


def test_a_message_names_the_program_as_it_was_called(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "python cli.py train cnn" in call("test", "cnn", code=1).stderr
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/onnx-zoo", "test", "cnn"])
    assert "onnx-zoo train cnn" in call("test", "cnn", code=1).stderr
    assert "onnx-zoo quickstart" in call("--help").stdout


class TestNames:
    def test_nothing_there_says_how_to_make_it(self, call: Call) -> None:
        for words in (("verify",), ("bench",), ("verify", "cnn"), ("predict", "cnn", "x.png")):
            for command in proposed(call(*words, code=1).stderr):
                parse(command)
        steps = proposed(how_to_export("cnn", None))
        assert steps == [["train", "cnn"], ["export", "cnn"]]
        assert proposed(how_to_export("cnn-digits", Path("other"))) == [
            ["train", "cnn", "--data", "digits"],
            ["export", "cnn-digits", "--exports", "other"],
        ]

    def test_of_a_run_that_is_there_the_export_is_proposed(self, call: Call, run: Path) -> None:
        told = call("verify", "mlp", code=1).stderr
        assert proposed(told) == [["export", "mlp-digits"]]
        follow(call, told)
        call("verify", "mlp")

    @pytest.mark.parametrize("words", [("test", "l0"), ("export", "l0")])
    def test_a_name_that_is_none(self, call: Call, words: tuple[str, str]) -> None:
        assert "Known:" in call(*words, code=2).stderr

    def test_a_near_name_of_an_artifact(self, call: Call, run: Path) -> None:
        call("export", "mlp", "--precision", "fp32")
        told = call("verify", "mlp-digit", code=2).stderr
        assert "Did you mean mlp-digits" in told

    def test_of_several_runs_one_is_named_as_the_command_wants_it(
        self, call: Call, run: Path
    ) -> None:
        for name in ("l1", "l2"):
            shutil.copytree(run, f"runs/{name}")
        shutil.rmtree(run)
        told = call("test", "mlp", code=2).stderr
        assert "Name one of them: --run runs/l1 or --run runs/l2." in told
        call("test", "mlp", "--run", "runs/l1")
        call("export", "mlp", "--run", "runs/l1", "--precision", "fp32")

    def test_an_unfinished_run_is_continued(self, call: Call, run: Path) -> None:
        kept = Run(run)
        kept.write_card(replace(kept.card(), finished=False))
        kept.weights.unlink()
        follow(call, call("test", "mlp", code=1).stderr)
        call("test", "mlp")

    @pytest.mark.parametrize(
        "words", [("predict", "x", "y.png", "--provider"), ("bench", "x", "--provider")]
    )
    def test_a_gpu_is_called_cuda(
        self, call: Call, words: tuple[str, ...], tiny_onnx: Callable[..., Path], image: Path
    ) -> None:
        named = {"x": tiny_onnx(), "y.png": image}
        for name in ("gpu", "GPU"):
            told = call(*(named.get(word, word) for word in words), name, code=2).stderr
            assert "Did you mean cuda?" in told
        told = call("train", "mlp", "--data", "digits", "--device", "gpu", code=2).stderr
        assert "Did you mean cuda?" in told


class TestFiles:
    def test_a_third_party_file_is_described_in_the_same_way_everywhere(
        self, call: Call, tiny_onnx: Callable[..., Path]
    ) -> None:
        path = tiny_onnx(kind="float32-nchw", metadata={})
        assert "Give them on the 0..1 scale, such as --mean .485" in call("verify", path).stdout
        described = {
            *("--mean", "--std", "--data", "--classes", "--classes-as-given"),
            *("--output", "--layout", "--size"),
        }
        for command in ("bench", "compare", "predict", "verify"):
            assert described <= OPTIONS[command]

    @pytest.mark.parametrize("kind", ["uint8-nhwc", "float32-nchw"])
    def test_a_free_size_is_fixed_to_that_of_the_data_that_was_given(
        self, kind: str, in_folder: Path, tiny_onnx: Callable[..., Path]
    ) -> None:
        path = tiny_onnx("a model.onnx", size=("h", "w"), kind=kind)
        shown = Subject(str(path), "file", path, data="cifar10").shown
        assert shown == KNOWN["cifar10"].shape[:2]
        with pytest.raises(UsageError) as caught:
            Signature.of(open_session(path, threads=1), shown=shown)
        option, size = str(caught.value).partition("such as with ")[2].rstrip(".").split()
        assert option == "--size"
        told = Given(size=SizeType().convert(size, None, None))
        fixed = Signature.of(open_session(path, threads=1), told)
        assert (fixed.height, fixed.width) == shown

    def test_what_is_proposed_of_results_works(
        self, call: Call, mlp_exports: Path, short: None
    ) -> None:
        told = call("report", "my results.csv", code=2).stderr
        (made,) = proposed(told)
        done = call(*made, "mlp", "--exports", mlp_exports, "--precision", "fp32", "--batch", "1")
        (report,) = proposed(done.stdout)
        call(*report)
        shutil.copyfile("my results.csv", "again.csv")
        call("report", "my results.csv", "again.csv")
        (compare,) = proposed(Path("my results.md").read_text().replace("\\", ""))
        parse(compare)
