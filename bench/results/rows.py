"""What a sweep writes: a CSV of rows, every raw sample, the predictions, and where it ran.

<stem>.csv               one row a cell, written anew after each
<stem>.samples.jsonl     one line a cell: its row and the raw samples that the row is computed from
<stem>.predictions.npz   the predicted class of each test image, by arm
<stem>.operators.csv     time by operator, where it was profiled
<stem>.environment.json  the machine and the versions
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageError, ZooError, command, missing_file
from zoo.files import atomic, write_text
from zoo.reading import open_regular, open_text
from zoo.tables import read_table, records_text

SCHEMA = 1
LARGEST_CSV, LARGEST_PREDICTIONS = 256 << 20, 1 << 30  # bytes of a file that is read
OK, FAILED, SKIPPED = "ok", "failed", "skipped"
LATENCY, THROUGHPUT = "latency", "throughput"


def column(about: str, default: Any = None) -> Any:
    """A column of the CSV; docs/results.md is made of these texts."""
    return field(default=default, metadata={"about": about})


@dataclass
class Row:
    """One measured cell: what was asked, what really ran, what came out. Empty: None."""

    # What was asked
    subject: str = column("the artifact's id, or the file's path", "")
    precision: str = column("`fp32`, `fp16`, `int8`; `file` for a foreign file", "")
    runtime: str = column("the engine: `onnxruntime`, `torch`, `torch-compile`, or your own", "")
    provider: str = column("where it computes: `cpu`, `cuda`, or another, such as `tensorrt`", "")
    boundary: str = column("`host`: copies are counted; `device`: pixels and logits stay there", "")
    threads: int = column("threads of one call", 0)
    batch: int = column("images a call", 0)
    scenario: str = column(
        "`latency`: one call at a time; `throughput`: the same, batches doubled while it pays", ""
    )
    cuda_graph: bool | None = column("whether a recorded CUDA graph is replayed (CUDA only)")
    status: str = column("`ok`, `failed` or `skipped`", OK)
    reason: str = column("why it failed or was skipped", "")
    # The model
    model: str | None = column("its name in the catalog")
    family: str | None = column("mlp, cnn, dense, transfer, ...")
    dataset: str | None = column("whose test set it is asked about; an artifact was trained on it")
    parameters: int | None = column("numbers that training set")
    macs: int | None = column("multiply-adds for one image")
    file_bytes: int | None = column("size of the ONNX file")
    sha256: str | None = column("of the ONNX file")
    # What really ran
    engine: str | None = column("engine and version")
    nodes: int | None = column("nodes of the graph as it ran")
    placed_share: float | None = column("share of the nodes on the provider asked for")
    elsewhere: str | None = column("computing nodes on another provider, with --allow-fallback")
    tf32: bool | None = column("whether fp32 was computed in TF32 (CUDA only)")
    conv_search: str | None = column("how cuDNN's kernels were chosen (CUDA only)")
    inputs: str | None = column("what the timed images were")
    # Solo: one arm by itself
    n: int | None = column("timed calls")
    blocks: int | None = column("blocks they were taken in")
    p50_ms: float | None = column("median time of a call")
    p50_low_ms: float | None = column("its 95 % interval, over blocks")
    p50_high_ms: float | None = column("its 95 % interval, over blocks")
    p90_ms: float | None = column("90th percentile, where n supports it")
    p99_ms: float | None = column("99th percentile, where n supports it")
    p999_ms: float | None = column("99.9th percentile, where n supports it")
    withheld: str | None = column("percentiles and intervals that are not claimed, and why")
    images_per_second: float | None = column("images over the wall time of whole blocks")
    steady: bool | None = column("whether the warm-up ended because times had settled")
    floor_us: float | None = column("median time of a call that computes nothing: the harness")
    floor_share: float | None = column("that, as a share of p50; above 0.1 there is a warning")
    # The pair: this arm and the reference in turns, call by call
    reference: str | None = column("the arm that it was paired with")
    ratio: float | None = column("time of this arm / time of the reference, paired")
    ratio_low: float | None = column("its 95 % interval, over instances")
    ratio_high: float | None = column("its 95 % interval, over instances")
    instances: int | None = column("pairs of processes that the interval is over")
    turns: int | None = column("quadruples of calls, over all instances")
    verdict: str | None = column("faster, slower, same or inconclusive, by the margin")
    margin: float | None = column("differences up to this share count as the same")
    ratio_agrees: bool | None = column("whether the ratio of the two p50 says the same")
    # Cold costs, medians over starts
    starts: int | None = column("processes started for the next three")
    cold_ms: float | None = column(
        "start of the process to the first answer, at the first batch size"
    )
    load_ms: float | None = column("creating the session, or building the network")
    first_ms: float | None = column("the very first call")
    new_shape_ms: float | None = column("first call at this batch size, beyond p50")
    break_even_calls: int | None = column("calls until it has overtaken torch, starts counted")
    # Memory
    peak_rss_mib: float | None = column("largest resident memory of the process at this batch size")
    vram_mib: float | None = column(
        "GPU memory held after the timed calls: one reading of the driver's, and no peak"
    )
    # Accuracy, through the same session
    accuracy: float | None = column("share of the test set that is right")
    accuracy_low: float | None = column("its 95 % Wilson interval")
    accuracy_high: float | None = column("its 95 % Wilson interval")
    correct: int | None = column("images that are right")
    images: int | None = column("images of the test set")
    classes: int | None = column("classes of that test set")
    class_order: str | None = column(
        "empty: the logits count in the order of the test set's classes; `by name`: the file lists "
        "the same classes in another order, so each counts for the class of its name"
    )
    accuracy_source: str | None = column("`measured` here, or `card`")
    accuracy_reason: str | None = column("why it was not measured")
    accuracy_batch: int | None = column(
        "images a call when it was measured: the row's own batch size where `answers_vary`"
    )
    answers_vary: str | None = column(
        "what an answer depends on beside its image, the batch or chance, and by how much"
    )
    agreement: float | None = column("share of the test set with the reference arm's class")
    mcnemar_p: float | None = column("exact p that both are right equally often")
    max_difference: float | None = column("largest |logit difference| from the reference arm")
    wrong_answers: int | None = column("timed calls whose logits were not those expected")
    # Evidence of contention
    disturbed: int | None = column("blocks kept although others disturbed them")
    rerun: int | None = column("blocks measured again for that reason")
    steal_share: float | None = column("time that the hypervisor took, of the wall time")
    delay_share: float | None = column(
        "time the thread that waited longest waited for a core, of the wall time"
    )
    pressure_share: float | None = column("time some task of the machine waited for a core")
    clock_mhz: float | None = column("the cores' clock, as the kernel says it")
    warnings: str | None = column("what to know before believing this row")
    # Provenance
    preset: str | None = column("`quick`, `standard`, `thorough`")
    when: str | None = column("UTC, at the end of the cell")
    seconds: float | None = column("that measuring the cell took, starts included")
    machine: str | None = column("the machine's key: equal on the same machine")
    harness: str | None = column(
        "the key of this zoo's code that measured it, its adapter included"
    )
    cell: str = column("hash of everything that determines the cell; --resume goes by it", "")
    schema: int = column("version of these columns", SCHEMA)

    @property
    def key(self) -> tuple[str, str, str, str, str, int, int, str, bool]:
        """What it measures, whatever the file's bytes or the machine: rows pair by this."""
        return (
            *(self.subject, self.precision, self.runtime, self.provider, self.boundary),
            *(self.threads, self.batch, self.scenario, bool(self.cuda_graph)),
        )

    @property
    def p50_interval(self) -> tuple[float, float] | None:
        """In ms; None where it is not known. Older files hold some that reach below 0: no time."""
        low, high = self.p50_low_ms, self.p50_high_ms
        if low is None or high is None or not 0 < low <= high:
            return None
        return low, high

    @property
    def arm(self) -> str:
        """The session that its predictions come from."""
        return "|".join((self.subject, self.precision, self.runtime, self.provider))

    @property
    def predictions(self) -> str:
        """Where its predictions stand in the predictions file."""
        return predictions_key(self.arm, self.accuracy_batch if self.answers_vary else None)

    @property
    def is_like_chance(self) -> bool:
        """Whether guessing could be as accurate."""
        if self.accuracy_low is None or not self.classes:
            return False
        return self.accuracy_low <= 1 / self.classes


COLUMNS = {part.name: part.metadata["about"] for part in fields(Row)}
_KINDS = get_type_hints(Row)
_SHARES = {"placed_share", "accuracy", "accuracy_low", "accuracy_high", "agreement", "mcnemar_p"}
_SIGNED = {"p50_low_ms", "new_shape_ms"}  # an interval, as it once was made, and a difference
_SIZES = 1e-60, 1e60  # of numbers other than 0: nothing here is smaller or larger, by far


@dataclass
class Block:
    """Calls timed back to back. ns: of each; wall_ns: of all; disturbed: by what, or None."""

    ns: list[int]
    wall_ns: int
    disturbed: str | None = None
    evidence: dict[str, float | None] = field(default_factory=dict)


@dataclass
class Samples:
    """Everything that was timed for a row.

    turns: for each instance, rows of nanoseconds [a1, b1, b2, a2], a being the reference;
    unpaired: why there are no turns, where there should be; starts: for each process started, its
    cold costs in nanoseconds.
    """

    blocks: list[Block] = field(default_factory=list)
    floor_ns: list[int] = field(default_factory=list)
    turns: list[list[list[int]]] = field(default_factory=list)
    unpaired: str = ""
    starts: list[dict[str, int]] = field(default_factory=list)


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Replace `path` by these rows, atomically."""
    write_text(path, csv_text(rows))


def csv_text(rows: Iterable[Row]) -> str:
    """The rows as CSV."""
    return records_text(Row, rows)


def read_csv(path: Path) -> list[Row]:
    """The rows of a results file; a clear error for any other."""
    try:
        with open_text(path, LARGEST_CSV) as handle:
            headings, lines = read_table(handle)
            if not {"subject", "runtime", "schema"} <= set(headings):
                raise ZooError(f"{path} is no results file of this zoo (its columns say so).")
            return [
                _row(path, number, dict(zip(headings, line, strict=True)))
                for number, line in enumerate(lines, 2)
            ]
    except FileNotFoundError:
        raise missing_file(path, command("bench", "--out", path)) from None
    except (OSError, ValueError) as error:
        raise ZooError(f"{path} cannot be read as results: {error}.") from error


def _row(path: Path, number: int, texts: dict[str, str]) -> Row:
    if texts.get("schema") != str(SCHEMA):
        raise ZooError(
            f"{path} has schema {texts.get('schema')}, this zoo reads {SCHEMA}. Measure again."
        )
    try:
        row = Row(**{name: _named(name, texts.get(name, "")) for name in COLUMNS})
        if row.correct is not None and row.images is not None and row.correct > row.images:
            raise ValueError(f"correct is {row.correct}, of {row.images} images")
        return row
    except ValueError as error:
        raise ZooError(f"{path}, line {number}: {error}.") from error


def _named(name: str, text: str) -> Any:
    try:
        value = read_cell(_KINDS[name], text)
        if isinstance(value, int | float) and not _is_measurable(name, value):
            raise ValueError(f"is '{text}', which nothing can be measured to be")
        return value
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _is_measurable(name: str, value: float) -> bool:
    """Whether it can be, and arithmetic with it stays finite."""
    if name in _SHARES:
        return 0 <= value <= 1
    smallest, largest = _SIZES
    return value == 0 or smallest <= (abs(value) if name in _SIGNED else value) <= largest


def read_cell(kind: Any, text: str) -> Any:
    """A cell of a CSV as str, bool, int, float, or one of them | None; an empty one is None."""
    kinds = get_args(kind) or (kind,)
    if not text and NoneType in kinds:
        return None
    (kind,) = (one for one in kinds if one is not NoneType)
    if kind is bool:
        if text not in ("True", "False"):
            raise ValueError(f"is '{text}', not True or False")
        return text == "True"
    if kind is int and text.removeprefix("-").isdecimal():
        return int(text)  # whole: a float has 15 digits
    if kind in (int, float):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (kind is int and number % 1):
            raise ValueError(f"is '{text}', no {'whole ' if kind is int else ''}number")
        return kind(number)
    return text


def predictions_key(arm: str, batch: int | None) -> str:
    """The key of an arm's predictions; batch: of those that hold for one batch size only."""
    return arm if batch is None else f"{arm}|batch {batch}"


def write_predictions(path: Path, arms: dict[str, NDArray[np.int64]]) -> None:
    """Keep the predicted classes of the whole test set, by `Row.predictions`."""
    with atomic(beside(path, "predictions.npz")) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **arms)  # type: ignore[arg-type]  # an array each


def read_predictions(path: Path) -> dict[str, NDArray[np.int64]]:
    """The predicted classes beside a CSV, by `Row.predictions`; none where they were not kept."""
    try:
        with (
            open_regular(beside(path, "predictions.npz"), LARGEST_PREDICTIONS) as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            if sum(part.file_size for part in stored.zip.infolist()) > LARGEST_PREDICTIONS:
                raise ValueError(f"it holds more than {LARGEST_PREDICTIONS >> 20:,} MiB")
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return {}


def check_is_no_folder(out: Path) -> None:
    """Refuse a folder where `--out` has to be a file."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder. Name a file in it: --out {out / 'results.csv'}")


def beside(path: Path, suffix: str) -> Path:
    """The file of a sweep that belongs to its CSV: `results.csv` -> `results.samples.jsonl`."""
    return path.with_name(f"{path.name.removesuffix('.csv')}.{suffix}")
