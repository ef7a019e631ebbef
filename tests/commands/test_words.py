"""What a slip, a question or an interrupt is answered, and what a script reads of the lists."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import zoo
from cli import main
from zoo.actions import list_
from zoo.specs.catalog import MODELS

Call = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent
TRAIN = ("train", "mlp", "--data", "digits", "--epochs", "1")


def test_of_two_ways_to_name_the_data_the_one_that_was_used_is_blamed(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_DATA", "nowhere")
    told = call("samples", "--data", "mnist", code=1).stderr
    assert "there is no folder nowhere, which ZOO_DATA names." in told
    told = call("samples", "--data", "mnist", "--data-dir", "gone", code=1).stderr
    assert "there is no folder gone, which --data-dir names." in told


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
        assert "A tour on embedded data, in minutes:\n  python cli.py quickstart" in text
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
    @pytest.mark.parametrize("what", list_.LISTINGS)
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
        assert lines == [list(list_.as_texts(row).values()) for row in list_.list_things(what)]

    def test_models_are_the_default(self, call: Call) -> None:
        assert call("list").stdout == call("list", "models").stdout

    @pytest.mark.parametrize("what", list_.LISTINGS)
    def test_json(self, call: Call, what: str) -> None:
        rows = json.loads(json.dumps(list_.list_things(what)))
        assert json.loads(call("list", what, "--json").stdout) == rows


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

    monkeypatch.setattr(list_, "list_things", interrupt)
    done = call("list", code=130)
    assert (done.stdout, done.stderr) == ("", "interrupted\n")
