"""`compare`: two results files, or two models here and now; exit codes are what CI goes by."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench.measuring.environment import environment
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import Row
from bench.subjects.subject import find_subjects
from tests.factories import cell
from zoo.ort.providers import load_onnxruntime

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("short")


@pytest.fixture
def results(in_folder: Path) -> Callable[..., tuple[str, str]]:
    """Write base.csv and new.csv, with ten rows besides that did not change."""
    still = [cell(subject="still", model="still", batch=batch) for batch in range(1, 11)]

    def write(base: Row, new: Row) -> tuple[str, str]:
        write_csv(Path("base.csv"), [base, *still])
        write_csv(Path("new.csv"), [new, *(row_again(one) for one in still)])
        return "base.csv", "new.csv"

    return write


def row_again(one: Row) -> Row:
    """As another sweep gave it."""
    return cell(1 + 0.001 * (-1) ** one.batch, subject="still", model="still", batch=one.batch)


def changed(p50: float, **parts: Any) -> Row:
    return cell(p50, **{"sha256": "b" * 64} | parts)


class TestResults:
    def test_nothing_worse_is_exit_0(self, call: Call, results: Any) -> None:
        done = call("compare", *results(cell(), changed(1.001)))
        assert "new.csv against base.csv: no proven breach, 11 rows compared" in done.stdout
        assert "allowed: 5% slower, 0.3 points" in done.stdout

    def test_a_proven_slowdown_is_exit_1(self, call: Call, results: Any) -> None:
        done = call("compare", *results(cell(), changed(1.5)), code=1)
        assert "1 proven breach" in done.stdout
        assert "BREACH slower: cnn fp32, batch 1: x1.500" in done.stdout

    def test_what_is_allowed_can_be_told(self, call: Call, results: Any) -> None:
        files = results(cell(), changed(1.5, file_bytes=2_000_000))
        call("compare", *files, "--max-slowdown", "80%")
        done = call("compare", *files, "--max-slowdown", "80%", "--max-growth", "10%", code=1)
        assert "BREACH size" in done.stdout

    def test_what_is_undecided_is_exit_0_unless_strict(self, call: Call, results: Any) -> None:
        files = results(cell(), changed(1.05))
        assert "1 inconclusive" in call("compare", *files).stdout
        call("compare", *files, "--strict", code=1)

    def test_every_time_doubled_is_told_with_the_way_to_prove_it(
        self, call: Call, in_folder: Path
    ) -> None:
        still = [cell(batch=batch) for batch in (1, 8, 64)]
        write_csv(Path("base.csv"), still)
        write_csv(Path("new.csv"), [cell(2.0, batch=batch) for batch in (1, 8, 64)])
        done = call("compare", "base.csv", "new.csv")
        assert done.stdout.count("2.0x slower, too noisy to prove") == 3
        assert "to prove it: 3 rows up to 2.0x slower with the same file and runtime" in done.stdout
        assert "within the limit" not in done.stdout

    @pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "subject,runtime,schema\ncnn,ort,99\n"])
    def test_another_file_is_exit_2(self, call: Call, results: Any, text: str) -> None:
        base, new = results(cell(), changed(1.0))
        Path(new).write_text(text)
        assert new in call("compare", base, new, code=2).stderr

    def test_json_tells_the_exit_code(self, call: Call, results: Any) -> None:
        done = call("compare", *results(cell(), changed(1.5)), "--json", code=1)
        found = json.loads(done.stdout)
        assert found["exit_code"] == 1
        assert [breach["kind"] for breach in found["breaches"]] == ["slower"]

    def test_markdown_is_for_a_comment(self, call: Call, results: Any) -> None:
        done = call("compare", *results(cell(), changed(1.5)), "--markdown", code=1)
        assert done.stdout.startswith("**Benchmark: 1 proven breach")
        assert "<details><summary>All rows (11)</summary>" in done.stdout

    def test_two_machines_are_exit_2_by_default(self, call: Call, results: Any) -> None:
        files = results(cell(), changed(1.5, machine="there"))
        assert "--any-machine" in call("compare", *files, code=2).stderr
        assert "can prove a difference in time" in call("compare", *files, "--any-machine").stdout

    def test_where_both_files_are_at_hand_they_are_measured_again(
        self, call: Call, in_folder: Path, mlp_exports: Path, started: list[str]
    ) -> None:
        fp32, int8 = find_subjects(["mlp"], mlp_exports)
        # What the two sweeps say is nonsense: int8 is not three times as slow.
        runtime = f"onnxruntime {load_onnxruntime().__version__}"
        here = {"runtime_version": runtime, "machine": environment().machine}
        write_csv(Path("base.csv"), [cell(1.0, sha256=fp32.sha256, **here)])
        write_csv(Path("new.csv"), [cell(3.0, sha256=int8.sha256, **here)])
        files = ("base.csv", "new.csv", "--exports", mlp_exports, "--json")
        found = json.loads(call("compare", *files, "--max-slowdown", "100%").stdout)
        assert found["rows"][0]["speed"]["how"] == "paired"
        assert started
        started.clear()
        found = json.loads(call("compare", *files, "--no-remeasure", code=1).stdout)
        assert found["rows"][0]["speed"]["how"] == "sweeps"
        assert started == []

    def test_a_regression_of_an_upgraded_runtime_is_not_measured_away(
        self, call: Call, mlp_exports: Path, started: list[str]
    ) -> None:
        """Measured again, it would be the runtime of now against itself."""
        (fp32, _) = find_subjects(["mlp"], mlp_exports)
        facts = {"sha256": fp32.sha256, "machine": environment().machine}
        still = [cell(subject="still", batch=batch) for batch in range(1, 11)]
        again = [replace(one, p50_ms=1.001) for one in still]
        write_csv(Path("base.csv"), [cell(1.0, runtime_version="onnxruntime 0.1", **facts), *still])
        write_csv(Path("new.csv"), [cell(1.5, runtime_version="onnxruntime 0.2", **facts), *again])
        files = ("base.csv", "new.csv", "--exports", mlp_exports, "--any-machine")
        assert "BREACH slower" in call("compare", *files, code=1).stdout
        assert started == []

    def test_less_may_have_been_asked_for(self, call: Call, in_folder: Path) -> None:
        write_csv(Path("base.csv"), [cell(), cell(batch=8)])
        write_csv(Path("new.csv"), [cell()])
        assert "BREACH lost" in call("compare", "base.csv", "new.csv", code=1).stdout
        done = call("compare", "base.csv", "new.csv", "--subset")
        assert "removed  cnn fp32, batch 8" in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "code", "told"),
        [
            (["base.csv", "neww.csv"], 2, "there is no file neww.csv. Did you mean new.csv?"),
            (["gone.csv", "new.csv"], 2, "Make it with: python cli.py bench --out gone.csv"),
            (["base.csv", "other.csv"], 2, "other.csv was not written by `bench`"),
            (["base.csv", "mlp"], 2, "compare takes two CSVs of bench, or two models"),
            (["base.csv", "new.csv", "--repeat", "3"], 2, "--repeat is for two models"),
            (
                ["base.csv", "new.csv", "--out", "x.csv", "--batch", "1"],
                2,
                "--batch, --out is for two models or ONNX files, not for two CSVs of bench",
            ),
            (["mlp", "mlp", "--max-slowdown", "5%"], 2, "--max-slowdown is for two CSVs of bench"),
            (["mlp", "mlp", "--subset"], 2, "--subset is for two CSVs of bench"),
            (
                ["base.csv", "new.csv", "--no-remeasure", "--mean", ".5", "--std", ".5"],
                2,
                "--mean, --std is for measuring rows again; leave out this option or "
                "--no-remeasure",
            ),
            (["base.csv", "new.csv", "--no-remeasure", "--timeout", "9"], 2, "--timeout is for"),
            (["base.csv", "new.csv", "--max-slowdown", "fast"], 2, "'fast' is not a percentage"),
            (["base.csv", "new.csv", "--max-accuracy-drop", "-1"], 2, "-1.0 is not in the range"),
            (["mlp", "mlp", "--seconds", "nan"], 2, "'nan' is not a number above 0"),
            (["mlp", "mlp", "--timeout", "0"], 2, "'0' is not a number above 0"),
        ],
    )
    def test_what_cannot_be_compared_is_named(
        self, call: Call, results: Any, arguments: list[str], code: int, told: str
    ) -> None:
        results(cell(), cell())
        Path("other.csv").write_text("a,b\n1,2\n")
        assert told in call("compare", *arguments, code=code).stderr


@pytest.mark.usefixtures("faulty_runtimes")
class TestModels:
    SHORT = ("--seconds", "0.05", "--instances", "2", "--threads", "1")
    RIGHT = ("--runtime", "faulty_sweep:Right")

    def test_the_answer_comes_first(self, call: Call, mlp_exports: Path) -> None:
        both = ("mlp", "mlp", "--precision", "fp32,int8", "--exports", mlp_exports)
        lines = call("compare", *both, *self.SHORT).stdout.splitlines()
        assert re.match(
            r"(undecided: )?mlp-digits int8 (is \S+x (fast|slow)er than|takes|and) ", lines[0]
        )
        cells = {name: rest for name, *rest in (line.split("\t") for line in lines[2:-3])}
        assert cells[""] == ["A: mlp-digits fp32", "B: mlp-digits int8"]
        assert {"median call (p50)", "file size", "parameters", "runtime"} <= set(cells)
        assert all("% (" in one for one in cells["accuracy"])
        assert "of 359 test images" in lines[-1]
        without = call("compare", *both, *self.SHORT, "--no-accuracy").stdout
        assert "accuracy is quoted from the cards: not measured (--no-accuracy)" in without
        assert ", from its card" in without

    def test_a_series_is_told_row_by_row_and_summed_up(self, call: Call, tiny_onnx: Any) -> None:
        file = tiny_onnx()
        series = ("compare", file, file, *self.SHORT, *self.RIGHT, "--out", "p.csv")
        first = call(*series).stdout.splitlines()
        assert "tiny.onnx (A)" in first[0]
        done = call(*series, "--repeat", "2").stdout.splitlines()
        assert [line[:22] for line in done[:2]] == [f"   {at}  time B / time A " for at in (1, 2)]
        assert any("the ratio is uncertain by about" in line for line in done)
        assert len(read_csv(Path("p.csv"))) == 2
        assert "another series" in call(*series, "--seconds", "3", code=2).stderr
        assert call("report", "--recompute", "p.csv").stdout.strip().endswith("all agree")
        assert done[2] in call("report", "p.csv").stdout
        assert done[2].split(" (")[0] in Path("p.html").read_text()
        told = call("compare", "p.csv", "p.csv", code=2).stderr
        assert "holds comparisons of two models" in told
        assert "python cli.py report p.csv" in told

    def test_columns_of_before_are_refused(self, call: Call) -> None:
        Path("old.csv").write_text("a,b,sha256_a,sha256_b,ratio\n")
        for arguments in (("report", "old.csv"), ("compare", "old.csv", "old.csv")):
            told = call(*arguments, code=2).stderr
            assert "in the columns of an earlier version" in told
            assert "name another --out" in told

    def test_wrong_answers_are_exit_1_and_no_answer(self, call: Call, tiny_onnx: Any) -> None:
        runtimes = ("--runtime", "onnxruntime,faulty_sweep:Drifts")
        done = call("compare", tiny_onnx(), tiny_onnx(), *self.SHORT, *runtimes, code=1)
        assert re.match(
            r"no answer: \d+ timed calls gave different logits than before", done.stdout
        )

    def test_accuracy_that_is_asked_for_and_cannot_be_measured(
        self, call: Call, tiny_onnx: Any
    ) -> None:
        told = call("compare", tiny_onnx(), tiny_onnx(), "--accuracy", code=2).stderr
        assert "the test set of" in told
        assert "leave out --accuracy" in told

    def test_markdown_is_a_table(self, call: Call, tiny_onnx: Any) -> None:
        done = call("compare", tiny_onnx(), tiny_onnx(), *self.SHORT, *self.RIGHT, "--markdown")
        lines = done.stdout.splitlines()
        assert lines[0].startswith("**")
        assert lines[2:4] == ["|  | A: tiny.onnx | B: tiny.onnx |", "|---|---|---|"]

    def test_an_arm_that_hangs_is_given_up(self, call: Call, tiny_onnx: Any) -> None:
        options = ("--runtime", "faulty_sweep:Hangs", "--batch", "2", "--timeout", "2")
        done = call("compare", tiny_onnx(), tiny_onnx(), *self.SHORT, *options, code=1)
        assert "no answer in 2 s" in done.stderr

    def test_json_is_one_object_of_numbers(self, call: Call, tiny_onnx: Any) -> None:
        runtimes = ("--runtime", "onnxruntime,faulty_sweep:Right")
        done = call("compare", tiny_onnx(), tiny_onnx(), *self.SHORT, *runtimes, "--json")
        found = json.loads(done.stdout)
        assert (found["a"]["runtime"], found["b"]["runtime"]) == (
            "onnxruntime",
            "faulty_sweep:Right",
        )
        assert found["ratio_low"] < found["ratio"] < found["ratio_high"]
        assert found["speedup"] == pytest.approx(1 / found["ratio"])
        assert found["a"]["p50_ms"] > 0
        assert found["answers"]["same"] is True
        assert found["accuracy"]["beyond_chance"] is None
        assert found["comparisons"][0]["repeat"] == 1

    def test_the_usual_way_says_that_it_has_no_interval(self, call: Call, tiny_onnx: Any) -> None:
        done = call("compare", tiny_onnx(), tiny_onnx(), *self.RIGHT, "--way", "usual")
        assert "--way usual gives no interval, so this is not conclusive" in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["mpl", "mlp"], "Did you mean mlp"),
            (["mlp", "mlp", "--runtime", "trch"], "Did you mean torch"),
            (["mlp", "mlp", "--way", "usaul"], "Did you mean usual"),
            (["mlp", "mlp", "--precision", "fp32,fp23"], "Did you mean fp32"),
            (["mlp", "mlp", "--runtime", "a,b,c"], "--runtime takes one or two values"),
            (["mlp", "mlp", "--threads", "10000"], "this process may use"),
            (["mlp", "mlp", "--precision", "fp32,fp16"], "mlp-digits has no fp16 file"),
            (["mlp", "mlp", "--mean", ".5"], "mlp names its own"),
            (["mlp", "mlp", "--classes-as-given"], "mlp names its own"),
            (["mlp", "mlp", "--out", "."], "is a folder. Name a file in it"),
        ],
    )
    def test_what_cannot_be_meant_is_exit_2(
        self,
        call: Call,
        mlp_exports: Path,
        started: list[str],
        arguments: list[str],
        told: str,
    ) -> None:
        assert told in call("compare", "--exports", mlp_exports, *arguments, code=2).stderr
        assert started == []

    def test_a_provider_that_is_not_here_is_exit_3(
        self, call: Call, tiny_onnx: Any, started: list[str]
    ) -> None:
        import torch

        if torch.cuda.is_available():
            pytest.skip("CUDA works here")
        done = call("compare", tiny_onnx(), tiny_onnx(), "--provider", "cuda", code=3)
        assert "--provider cuda cannot run here" in done.stderr
        assert started == []
