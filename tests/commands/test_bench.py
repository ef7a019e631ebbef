"""`bench`: what it prints, what it keeps, and what it refuses before anything is measured."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench.results.files import beside
from bench.results.results_file import read_csv
from bench.results.rows import FAILED, OK, SKIPPED, Row
from bench.sweep.sweep import Sweep
from tests import classifiers

Call = Callable[..., Result]
OUT = Path("r.csv")

pytestmark = pytest.mark.usefixtures("short")


@pytest.fixture
def bench(call: Call, mlp_exports: Path) -> Call:
    """Run `bench` on what is published, with one thread, into r.csv."""

    def run(*arguments: str | Path, code: int = 0) -> Result:
        own = ("--exports", mlp_exports, "--threads", "1", "--out", OUT)
        return call("bench", *own, *arguments, code=code)

    return run


class TestAnswers:
    def test_rows_as_they_come_and_a_summary(self, bench: Call) -> None:
        budgets = ("--budget-ms", "1000", "--budget-mb", "0.001")
        done = bench("mlp", "--preset", "quick", "--batch", "1,4", "--profile", *budgets)
        heading, *rest = done.stdout.splitlines()
        assert heading.split("\t")[:6] == [
            *("model", "precision", "runtime", "provider", "batch", "p50 ms")
        ]
        rows = [line.split("\t") for line in rest[:4]]
        assert [row[:5] for row in rows] == [
            ["mlp-digits", precision, "onnxruntime", "cpu", batch]
            for precision in ("fp32", "int8")
            for batch in ("1", "4")
        ]
        assert all(float(row[5]) > 0 for row in rows)
        assert all(row[7].endswith("%*") for row in rows)
        assert [" to " in row[8] for row in rows] == [False, False, True, True]
        summary = "\n".join(rest[4:])
        for told in (
            "digits, batch 1, 1 thread:",
            "digits, batch 4, 1 thread:",
            "best accuracy: mlp ",
            "fastest: mlp ",
            "best under 1000 ms a call (p50) and 0.001 MB of ONNX file: none",
            "Pareto set (",
            "* accuracy quoted from the card, not measured here: preset tiny does not measure "
            "accuracy",
            "results   r.csv",
            "next      python cli.py report r.csv",
        ):
            assert told in summary
        assert {row.status for row in read_csv(OUT)} == {OK}
        suffixes = ("samples.jsonl", "environment.json", "operators.csv")
        assert all(beside(OUT, suffix).exists() for suffix in suffixes)
        assert not beside(OUT, "predictions.npz").exists()

    def test_json_is_the_rows_and_nothing_else(self, bench: Call) -> None:
        done = bench("mlp", "--precision", "fp32", "--batch", "1", "--json", "-v")
        (found,) = json.loads(done.stdout)
        assert [Row(**found)] == read_csv(OUT)
        assert found["accuracy_source"] == "measured"
        assert "measuring mlp-digits fp32" in done.stderr

    def test_a_dry_run_is_json_for_a_script(self, bench: Call, started: list[str]) -> None:
        done = bench("mlp", "--precision", "fp32", "--batch", "1,8", "--dry-run", "--json")
        plan = json.loads(done.stdout)
        assert plan["arms"][0]["batches"] == [1, 8]
        assert (plan["preset"], started) == ("tiny", [])
        assert plan["seconds"] > 0

    def test_the_scenario_is_named_or_meant(self, bench: Call) -> None:
        bench("mlp", "--precision", "int8", "--scenario", "throughput", "--batch", "2,4")
        rows = read_csv(OUT)
        assert [(row.scenario, row.batch, row.status) for row in rows] == [
            *(("throughput", 2, OK), ("throughput", 4, OK))
        ]
        assert {row.ratio for row in rows} == {None}
        for options in (["--scenario", "throughput"], ["--batch", "auto"]):
            done = bench("mlp", *options, "--dry-run", "--json")
            assert json.loads(done.stdout)["arms"][0]["batches"] == "auto"

    def test_a_scenario_that_cannot_be_is_exit_2(self, bench: Call, started: list[str]) -> None:
        told = bench("mlp", "--scenario", "latency", "--batch", "auto", code=2).stderr
        assert "--scenario latency finds no batch sizes: name them with --batch" in told
        assert "Did you mean latency" in bench("mlp", "--scenario", "latenty", code=2).stderr
        assert started == []

    @pytest.mark.parametrize("option", ["--tf32", "--cuda-graph"])
    def test_what_is_for_a_gpu_is_refused_on_the_cpu(
        self, bench: Call, started: list[str], option: str
    ) -> None:
        told = bench("mlp", option, code=2).stderr
        assert f"{option}: this needs a GPU, but --provider is cpu" in told
        assert started == []

    def test_a_dry_run_measures_nothing(self, bench: Call, started: list[str]) -> None:
        done = bench("mlp", "--runtime", "onnxruntime,torch", "--batch", "1,8", "--dry-run")
        lines = done.stdout.splitlines()
        assert lines[-1].startswith("6 cells, about ")
        assert sum("1,8" in line for line in lines) == 4
        assert "torch runs the fp32 weights, not int8" in " ".join(done.stdout.split())
        assert started == []
        assert not OUT.exists()

    def test_what_cannot_be_is_a_row_and_no_failure(self, bench: Call, started: list[str]) -> None:
        options = ("--precision", "int8", "--runtime", "torch", "--batch", "1,1,1")
        done = bench("mlp", *options)
        assert "skipped" in done.stdout
        assert "1 cell skipped; see the column `reason`." in done.stdout
        assert [row.status for row in read_csv(OUT)] == [SKIPPED]
        assert started == []

    def test_results_are_named_by_the_time_by_default(self, call: Call, mlp_exports: Path) -> None:
        options = ("--precision", "int8", "--runtime", "torch", "--batch", "1")
        done = call("bench", "mlp", "--exports", mlp_exports, *options)
        (found,) = Path("results").glob("????-??-??-??????.csv")
        assert f"results   {found}" in done.stdout
        assert done.stderr.startswith(f"writing results to {found}\n")

    def test_a_file_of_third_parties_is_welcome(self, bench: Call, tiny_onnx: Any) -> None:
        done = bench(tiny_onnx(), "--batch", "2")
        (row,) = read_csv(OUT)
        assert row.inputs == "random pixels"
        assert f"no accuracy for {tiny_onnx().name}: no dataset is named for it" in done.stdout
        assert not any(word in done.stdout for word in ("best", "fastest", "Pareto"))

    def test_data_without_accuracy_says_what_to_add(self, bench: Call, tiny_onnx: Any) -> None:
        file = tiny_onnx(size=(8, 8), classes=10, metadata={})
        told = "no accuracy for tiny.onnx: preset tiny does not measure accuracy; add --accuracy"
        options = (file, "--data", "digits", "--preset", "quick", "--batch", "1")
        assert told in bench(*options).stdout
        again = bench(*options, "--accuracy", "--resume")
        assert "add --accuracy" not in again.stdout
        assert read_csv(OUT)[0].accuracy_source == "measured"

    @pytest.mark.parametrize("preset", ["quick", "standard"])
    def test_accuracy_that_was_asked_for_and_cannot_be_measured_is_an_error(
        self, bench: Call, tiny_onnx: Any, preset: str
    ) -> None:
        file = tiny_onnx(classes=7, metadata={})
        options = ("--accuracy", "--preset", preset, "--batch", "1")
        done = bench(file, *options, "--data", "digits", code=2)
        assert "it gives 7 classes, digits has 10" in done.stderr
        assert "add --data" in bench(file, *options, code=2).stderr
        assert not OUT.exists()

    def test_normalisation_can_be_given(self, bench: Call, tiny_onnx: Any) -> None:
        file = tiny_onnx(kind="float32-nchw", size=(8, 8), classes=10, metadata={})
        given = ("--mean", ".5,.5,.5", "--std", ".2,.2,.2", "--data", "digits")
        bench(file, *given, "--batch", "1")
        (row,) = read_csv(OUT)
        assert (row.accuracy_source, row.images) == ("measured", 359)

    def test_a_mean_of_another_scale_is_exit_2_with_what_was_meant(
        self, bench: Call, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx(kind="float32-nchw", size=(8, 8), classes=10, metadata={})
        given = ("--mean", "125,123,114", "--std", "63,62,67", "--data", "digits")
        told = bench(file, *given, "--batch", "1", code=2).stderr
        assert "Did you mean --mean .490,.482,.447 --std .247,.243,.263?" in told
        assert not OUT.exists()

    def test_classes_of_other_data_are_exit_2_unless_they_count_as_given(
        self, bench: Call, in_folder: Path
    ) -> None:
        names = ["airplane", "automobile", "bird", "cat", "deer"]
        names += ["dog", "frog", "horse", "ship", "truck"]
        file = classifiers.write(in_folder / "cifar.onnx", names=names)
        asked = (file, "--data", "digits", "--batch", "1")
        told = bench(*asked, code=2).stderr
        assert "names other classes (airplane, automobile, bird and 7 more)" in told
        assert "add --classes-as-given" in told
        assert not OUT.exists()
        bench(*asked, "--classes-as-given")
        (row,) = read_csv(OUT)
        assert (row.accuracy_source, row.classes) == ("measured", 10)

    def test_an_accuracy_that_is_no_better_than_guessing_is_said(
        self, bench: Call, tiny_onnx: Any
    ) -> None:
        """Grey images are all zeros to it."""
        done = bench(tiny_onnx(classes=10, metadata={}), "--data", "digits", "--batch", "1")
        assert "no better than guessing one of 10 classes" in done.stdout
        assert "warning: no better than guessing: tiny.onnx. Check --mean" in done.stdout

    def test_half_a_normalisation_is_asked_for_and_none_is_speed_alone(
        self, bench: Call, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx(kind="float32-nchw", metadata={})
        told = bench(file, "--batch", "1", "--std", ".2", code=2).stderr
        assert "by which mean. Give them on the 0..1 scale, such as --mean .485,.456,.406" in told
        assert not OUT.exists()
        assert "speed only: it takes normalised" in bench(file, "--batch", "1").stderr


@pytest.mark.usefixtures("faulty_runtimes")
class TestFailures:
    def test_a_cell_that_fails_is_a_row_and_exit_1(self, bench: Call, tiny_onnx: Any) -> None:
        runtimes = "faulty_sweep:Raises,faulty_sweep:Right,faulty_sweep:Raises"
        done = bench(tiny_onnx(), "--runtime", runtimes, "--batch", "1", code=1)
        assert "failed" in done.stdout
        assert "RuntimeError: no kernel for Gemm" in done.stdout
        assert "1 cell failed; see the column `reason`." in done.stdout
        assert [row.status for row in read_csv(OUT)] == [FAILED, OK]

    def test_once_it_is_mended_resume_is_exit_0(
        self, bench: Call, tiny_onnx: Any, started: list[str]
    ) -> None:
        file = tiny_onnx()
        options = (file, "--runtime", "faulty_sweep:Right,faulty_sweep:Mends", "--batch", "1")
        bench(*options, code=1)
        file.with_name("mended").touch()
        started.clear()
        bench(*options, "--resume")
        assert "faulty_sweep:Mends" in started
        assert "faulty_sweep:Right" not in started
        assert [row.status for row in read_csv(OUT)] == [OK, OK]

    def test_a_hanging_cell_is_given_up(self, bench: Call, tiny_onnx: Any) -> None:
        options = ("--runtime", "faulty_sweep:Hangs", "--batch", "2", "--timeout", "2")
        done = bench(tiny_onnx(), *options, code=1)
        assert "it hung: no answer in 2 s" in done.stdout

    def test_an_interrupt_keeps_what_was_measured(
        self, bench: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = Sweep.run

        def interrupted(sweep: Sweep, arms: Any) -> Iterator[Row]:
            yield next(run(sweep, arms))
            raise KeyboardInterrupt

        monkeypatch.setattr(Sweep, "run", interrupted)
        options = ("--precision", "int8", "--runtime", "torch", "--batch", "1,2")
        told = bench("mlp", *options, code=130).stderr
        assert "interrupted" in told
        assert f"to continue, run the same command with: --resume --out {OUT}" in told
        assert [row.batch for row in read_csv(OUT)] == [1, 2]  # both of the arm, skipped


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "meant"),
        [
            (["mpl"], "mlp"),
            (["mlp", "--runtime", "onxruntime"], "onnxruntime"),
            (["mlp", "--runtime", "onnxruntime,trch"], "torch"),
            (["mlp", "--provider", "cdua"], "cuda"),
            (["mlp", "--precision", "fp23"], "fp32"),
            (["mlp", "--boundary", "hosts"], "host"),
            (["mlp", "--preset", "quik"], "quick"),
            (["mlp", "--tf23"], "'--tf32"),
        ],
        ids=" ".join,
    )
    def test_a_slip_is_exit_2_and_the_near_name_is_offered(
        self, bench: Call, started: list[str], arguments: list[str], meant: str
    ) -> None:
        assert f"Did you mean {meant}" in bench(*arguments, code=2).stderr
        assert started == []
        assert not OUT.exists()

    def test_so_is_one_in_the_name_of_data(self, bench: Call, tiny_onnx: Any) -> None:
        assert "Did you mean digits" in bench(tiny_onnx(), "--data", "digist", code=2).stderr

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["mlp", "--data", "digits"], "mlp names its own"),
            (["--mean", "0.5"], "what is published names its own"),
            (["--classes-as-given"], "what is published names its own"),
            (["mlp", "--threads", "10000"], "this process may use"),
            (["mlp", "--batch", "0"], "'0' is not a list of whole numbers"),
            (["mlp", "--margin", "0%"], "--margin 0% is not above 0%"),
            (["mlp", "--margin", "two"], "'two' is not a percentage"),
            (["mlp", "--timeout", "nan"], "'nan' is not a number above 0"),
            (["mlp", "--timeout", "-1"], "'-1' is not a number above 0"),
            (["mlp", "--budget-ms", "0"], "'0' is not a number above 0"),
            (["mlp", "--budget-mb", "inf"], "'inf' is not a number above 0"),
            (["mlp", "--out", "."], "is a folder. Name a file in it: --out results.csv"),
            (["gone.onnx"], "gone.onnx cannot be read"),
            (["mlp", "--runtime", "gone:Class"], "gone:Class cannot be imported"),
        ],
    )
    def test_what_cannot_be_meant_is_exit_2(
        self, bench: Call, started: list[str], arguments: list[str], told: str
    ) -> None:
        assert told in bench(*arguments, code=2).stderr
        assert started == []
        assert not OUT.exists()

    @pytest.mark.parametrize("runtime", ["onnxruntime", "torch", "onnxruntime,torch"])
    def test_a_provider_that_is_not_here_is_exit_3_before_anything_is_measured(
        self, bench: Call, started: list[str], in_folder: Path, runtime: str
    ) -> None:
        import torch

        if torch.cuda.is_available():
            pytest.skip("CUDA works here")
        done = bench("mlp", "--provider", "cpu,cuda", "--runtime", runtime, code=3)
        assert f"--provider cuda cannot run here with {runtime.partition(',')[0]}: " in done.stderr
        assert done.stdout == ""
        assert started == []
        assert list(in_folder.iterdir()) == []

    @pytest.mark.parametrize(
        "name", ["r.csv", "r.environment.json", "r.predictions.npz", "r.operators.csv"]
    )
    def test_a_file_that_exists_is_exit_2_and_stays(
        self, bench: Call, started: list[str], name: str
    ) -> None:
        Path(name).write_text("precious")
        assert f"{name} exists. Name another --out" in bench("mlp", code=2).stderr
        if name != "r.csv":
            assert f"{name} exists. Name" in bench("mlp", "--resume", code=2).stderr
        assert Path(name).read_text() == "precious"
        assert started == []

    def test_a_sweep_that_exists_may_be_continued(self, bench: Call) -> None:
        options = ("mlp", "--precision", "int8", "--runtime", "torch", "--batch", "1")
        beside(OUT, "samples.jsonl").touch()  # of one that was killed before its first row
        beside(OUT, "environment.json").touch()
        assert "Continue with --resume, or name another --out" in bench(*options, code=2).stderr
        bench(*options, "--resume")
        assert [row.status for row in read_csv(OUT)] == [SKIPPED]

    def test_nothing_to_continue_is_exit_2(
        self, call: Call, mlp_exports: Path, in_folder: Path
    ) -> None:
        done = call("bench", "mlp", "--exports", mlp_exports, "--resume", code=2)
        assert "--resume continues a results file. Name it with --out" in done.stderr
        assert list(in_folder.iterdir()) == []

    @pytest.mark.parametrize("name", ["CPU", "CPUExecutionProvider", "cpu,CPU"])
    def test_a_provider_has_one_name(self, bench: Call, name: str) -> None:
        options = ("--provider", name, "--precision", "int8", "--runtime", "torch")
        bench("mlp", *options, "--batch", "1")
        assert [row.provider for row in read_csv(OUT)] == ["cpu"]

    def test_results_without_their_samples_cannot_be_continued(self, bench: Call) -> None:
        OUT.write_text("precious")
        assert "r.samples.jsonl is not there" in bench("mlp", "--resume", code=2).stderr
        assert OUT.read_text() == "precious"

    def test_where_nothing_is_published_the_command_is_named(self, call: Call) -> None:
        done = call("bench", "--exports", "none", code=1)
        assert "python cli.py export cnn" in done.stderr
