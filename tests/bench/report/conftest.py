"""A sweep as `bench` writes it, made up: four families, fp32 and int8, two batch sizes."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.results.results_file import write_csv
from bench.results.rows import FAILED, SKIPPED, Row
from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import publish, publishing
from zoo.files import write_json
from zoo.intervals import Accuracy, wilson

# model, family, p50 at batch 1 in ms, image's share of that at batch 64, right of 10,000, bytes
MODELS = (
    ("mlp", "mlp", 0.0611, 0.18, 6574, 6_254_000),
    ("cnn", "cnn", 0.421, 0.85, 8791, 9_443_000),
    ("dense", "dense", 0.793, 0.72, 9172, 4_180_000),
    ("speednet", "cnn", 0.688, 0.99, 9307, 7_902_000),
)
REFERENCE = "onnxruntime cpu fp32"
WITHHELD = "p99: 312 calls are worth 210 independent ones, it needs 473; p99.9: it needs 4,742"
HISTORY = (
    "epoch,step,lr,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,"
    "images_per_second\n"
    "1.0,10,0.1,1.5,0.5,1.4,0.55,2.0,900\n"
    "2.0,20,0.05,1.1,0.7,1.2,0.65,2.0,900\n"
)
CONFUSION = "true,cat,<b>dog</b>\ncat,9,1\n<b>dog</b>,2,8\n"


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """A row that came out, of which any part may be another."""
    return sample_row


@pytest.fixture
def sweep_rows() -> list[Row]:
    """Sixteen rows that came out, two of them of torch, then failed and skipped ones."""
    rows = [
        row
        for model in MODELS
        for precision in ("fp32", "int8")
        for batch in (1, 64)
        for row in [_measured(model, precision, batch)]
        if (model[0], precision) != ("dense", "int8")
    ]
    rows += [_torch(row) for row in rows if row.model == "cnn" and row.precision == "fp32"]
    failed = sample_row(subject="dense-cifar10", model="dense", family="dense", precision="int8")
    for batch, reason in ((1, "the process was killed (signal 9)"), (64, "no answer for 600 s")):
        rows.append(_absent(replace(failed, batch=batch), FAILED, reason))
    asked = replace(failed, runtime="torch", precision="int8", subject="cnn-cifar10", model="cnn")
    rows.append(_absent(asked, SKIPPED, "torch runs the fp32 weights, not int8"))
    return [replace(row, cell=f"{number:016x}") for number, row in enumerate(rows)]


@pytest.fixture
def results(tmp_path: Path, sweep_rows: list[Row]) -> Path:
    """A results file with everything that lies beside it."""
    path = tmp_path / "results.csv"
    write_csv(path, sweep_rows)
    environment = {
        "machine": {"cpu": "AMD EPYC 9R14", "cores": 2, "flags": ["avx2", "avx512_vnni"]},
        "cgroup": {"cpu_max": None, "memory_bytes": 8_589_934_592},
        "versions": {"onnxruntime": "1.31.1", "torch": "2.14.1", "python": "3.11.9"},
        "container": True,
    }
    (tmp_path / "results.environment.json").write_text(json.dumps(environment))
    operators = ["cell,operator,calls,total_us,share"]
    for row in sweep_rows[4:8]:
        kinds = ("Conv", "QLinearConv", "Gemm", "Relu", "Add", "MaxPool", "Cast", "Transpose")
        for number, kind in enumerate((*kinds, "ReduceMean", "Reshape")):
            share = 0.5 ** (number + 1)
            operators.append(f"{row.cell},{kind},{100 * (number + 1)},{12345 * share:.1f},{share}")
    (tmp_path / "results.operators.csv").write_text("\n".join(operators) + "\n")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A file of pytest-benchmark."""
    path = tmp_path / "suite.json"
    stats = {"rounds": 120, "median": 0.000421, "iqr": 0.0000123, "mean": 0.00043}
    benchmarks = [
        {
            "name": f"test_run[{name}-{batch}]",
            "params": {"export": name, "batch": batch},
            "stats": stats | {"median": 0.000421 * batch, "rounds": 1200 // batch},
        }
        for name in ("cnn", "mlp")
        for batch in (1, 64)
    ]
    machine = {"node": "host", "cpu": {"brand_raw": "AMD EPYC 9R14", "count": 2}}
    path.write_text(json.dumps({"machine_info": machine, "benchmarks": benchmarks}))
    return path


@pytest.fixture
def make_exports(tmp_path: Path, make_card: Callable[..., Card]) -> Callable[..., Path]:
    """An exports folder that holds cnn-cifar10.

    files: its files beside the ONNX one, in place of a history and a confusion matrix, or in
    addition to them with `add`.
    """

    def make(files: dict[str, bytes] | None = None, *, add: bool = False) -> Path:
        root = tmp_path / "exports"
        usual = {"history.csv": HISTORY.encode(), "confusion.csv": CONFUSION.encode()}
        kept = usual if files is None else usual | files if add else files
        card = make_card(id="cnn-cifar10")
        with publishing("cnn-cifar10", root) as folder:
            write_json(folder / "card.json", asdict(card))
            for name, content in {"fp32.onnx": b"net", "int8.onnx": b"small", **kept}.items():
                (folder / name).write_bytes(content)
            publish("cnn-cifar10", manifest_facts(card), folder)
        return root

    return make


def sample_row(**parts: object) -> Row:
    """One row as a sweep of the published cnn gives it."""
    low, high = wilson(8791, 10000)
    row = Row(
        subject="cnn-cifar10",
        precision="fp32",
        runtime="onnxruntime",
        provider="cpu",
        boundary="host",
        threads=2,
        batch=1,
        scenario="latency",
        model="cnn",
        family="cnn",
        dataset="cifar10",
        parameters=2_360_000,
        macs=59_500_000,
        file_bytes=9_443_000,
        runtime_version="onnxruntime 1.31.1",
        nodes=24,
        placed_share=1.0,
        inputs="test set",
        n=2400,
        blocks=40,
        p50_ms=0.421,
        p50_low_ms=0.417,
        p50_high_ms=0.426,
        p90_ms=0.47,
        p99_ms=0.61,
        withheld="p99.9: 2400 calls, it needs 4,742",
        images_per_second=2340.0,
        steady=True,
        floor_us=1.9,
        floor_share=0.0045,
        starts=3,
        cold_ms=412.0,
        load_ms=38.0,
        first_ms=1.9,
        peak_rss_mib=182.0,
        accuracy=0.8791,
        accuracy_low=low,
        accuracy_high=high,
        correct=8791,
        images=10000,
        accuracy_source="measured",
        preset="standard",
        when="2026-11-21T17:02:11+00:00",
        seconds=9.5,
        machine="5f0c2d9a77e1",
        cell="0" * 16,
    )
    return replace(row, **parts)  # type: ignore[arg-type]


def _measured(model: tuple[str, str, float, float, int, int], precision: str, batch: int) -> Row:
    name, family, first, share, right, size = model
    int8 = precision == "int8"
    p50 = first * (1 if batch == 1 else batch * share) * (0.47 if int8 else 1.0)
    correct = right - (9 if int8 else 0)
    accuracy = Accuracy(correct, 10000, correct / 10000, *wilson(correct, 10000))
    row = sample_row(
        subject=f"{name}-cifar10",
        model=name,
        family=family,
        precision=precision,
        batch=batch,
        file_bytes=size // 4 if int8 else size,
        p50_ms=p50,
        p50_low_ms=p50 * 0.985,
        p50_high_ms=p50 * 1.02,
        p90_ms=p50 * 1.11,
        p99_ms=p50 * 1.6 if batch == 1 else None,
        withheld=WITHHELD if batch > 1 else "p99.9: 2400 calls, it needs 4,742",
        n=2400 if batch == 1 else 312,
        images_per_second=1000 * batch / p50 * 0.985,
        accuracy=accuracy.share,
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        correct=correct,
        cold_ms=380 + size / 4e5,
        load_ms=size / 3e5 + (9 if int8 else 0),
        first_ms=2.5 * first,
        new_shape_ms=0.35 * p50 if batch > 1 else None,
        peak_rss_mib=140 + size / 2e5 + batch,
    )
    if not int8:
        return row
    ratio = (0.47 if batch == 1 else 0.455) * (1 + 0.1 * len(name) / 8)
    half = 0.004 if name != "mlp" else 0.06
    row = replace(row, reference=REFERENCE, ratio=ratio, margin=0.02, instances=5, turns=4100)
    return replace(
        row,
        ratio_low=ratio * (1 - half),
        ratio_high=ratio * (1 + half),
        verdict="faster",
        ratio_agrees=True,
        agreement=0.9911,
        mcnemar_p=0.41,
        warnings="other processes interfered with 2 of 40 timing blocks" if name == "mlp" else None,
    )


def _torch(row: Row) -> Row:
    slow = 1.31 if row.batch == 1 else 1.012
    p50 = (row.p50_ms or 0) * slow
    return replace(
        row,
        runtime="torch",
        runtime_version="torch 2.14.1",
        p50_ms=p50,
        p50_low_ms=p50 * 0.98,
        p50_high_ms=p50 * 1.03,
        p90_ms=None,
        p99_ms=None,
        withheld=f"p90: 40 calls, it needs 46; {WITHHELD}",
        images_per_second=1000 * row.batch / p50,
        reference=REFERENCE,
        ratio=slow,
        ratio_low=slow * 0.991,
        ratio_high=slow * 1.013,
        margin=0.02,
        verdict="slower" if row.batch == 1 else "inconclusive",
        instances=5,
        turns=2100,
        cold_ms=2910.0,
        load_ms=180.0,
        first_ms=21.0,
        peak_rss_mib=512.0,
        break_even_calls=None,
        warnings="times had not settled when the warm-up ended",
    )


def _absent(row: Row, status: str, reason: str) -> Row:
    asked = ("subject", "precision", "runtime", "provider", "boundary", "threads", "batch")
    kept = {name: getattr(row, name) for name in (*asked, "scenario", "model", "family", "dataset")}
    return Row(**kept, status=status, reason=reason, machine=row.machine, preset=row.preset)
