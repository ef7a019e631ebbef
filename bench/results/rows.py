"""The columns of a results file, in groups.

A group is built once, by the part that measures it, or computed from the raw samples. `Row` is all
of them side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bench.results.predictions import predictions_key
from bench.scenarios.registry import SCENARIOS

SCHEMA = 2
# Columns that were called otherwise before, by the schema that called them so.
FORMER_NAMES: dict[int, dict[str, str]] = {1: {"engine": "runtime_version"}}
OK, FAILED, SKIPPED = "ok", "failed", "skipped"
TURNS, SEQUENTIAL, USUAL = "turns", "sequential", "usual"  # the ways of `compare A B`


class OtherSchemaError(ValueError):
    """A row of an unsupported schema; the message names the supported ones."""


def of_today(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row's cells, of this schema or an earlier one, in the columns of the current schema."""
    schema = cells.get("schema")
    known = {str(number): names for number, names in (FORMER_NAMES | {SCHEMA: {}}).items()}
    if str(schema) not in known:
        raise OtherSchemaError(
            f"has schema {schema}; this version reads {', '.join(sorted(known))}"
        )
    names = known[str(schema)]
    now = {names.get(name, name): value for name, value in cells.items()}
    return now | {"schema": str(SCHEMA) if isinstance(schema, str) else SCHEMA}


def column(about: str, default: Any = None) -> Any:
    """A column of the CSV; docs/reference/results.md is generated from these texts."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Asked:
    """What was asked."""

    subject: str = column("the model measured: an artifact's id, or a third-party file's path", "")
    precision: str = column("`fp32`, `fp16`, `int8`; `file` for a third-party file", "")
    runtime: str = column("one of `python cli.py list runtimes`, or your own", "")
    provider: str = column(
        "ONNX Runtime's execution provider, such as `cpu`, `cuda` or `tensorrt`; of another "
        "runtime, where it computes",
        "",
    )
    boundary: str = column("`host`: copies are counted; `device`: pixels and logits stay there", "")
    threads: int = column("threads of one call", 0)
    batch: int = column("images per call", 0)
    scenario: str = column(
        "; ".join(f"`{name}`: {one.about}" for name, one in SCENARIOS.items()), ""
    )
    cuda_graph: bool | None = column("whether a recorded CUDA graph is replayed (CUDA only)")

    @property
    def arm(self) -> str:
        """The session that its predictions come from."""
        return "|".join((self.subject, self.precision, self.runtime, self.provider))


@dataclass(frozen=True)
class Outcome:
    """How it ended."""

    status: str = column("`ok`, `failed` or `skipped`", OK)
    reason: str = column("why it failed or was skipped", "")


@dataclass(frozen=True)
class Model:
    """The model."""

    model: str | None = column("its name in the catalog")
    family: str | None = column("mlp, cnn, dense, transfer, ...")
    framework: str | None = column("what it was trained in: pytorch, numpy, sklearn, ...")
    dataset: str | None = column("dataset whose test set is used; an artifact was trained on it")
    parameters: int | None = column(
        "weights in the ONNX graph, trained or not; for an artifact, those of its fp32 file"
    )
    macs: int | None = column(
        "multiply-adds of the graph's convolutions and matrix products for one image; for an "
        "artifact, those of its fp32 file; empty where the graph does not give its shapes"
    )
    opset: int | None = column("opset of the ONNX file")
    file_precision: str | None = column(
        "number formats that the ONNX file's convolutions and matrix products multiply, the most "
        "used first: `fp32`, `fp16`, `int8+fp32`; `computed_in` is what the runtime really used"
    )
    file_bytes: int | None = column("size of the ONNX file")
    sha256: str | None = column("hash of the ONNX file")


@dataclass(frozen=True)
class Ran:
    """What really ran."""

    runtime_version: str | None = column("runtime with its version: `onnxruntime 1.31.1`")
    computed_in: str | None = column(
        "precision in which the convolutions and matrix products ran, where the runtime reports "
        "it; where they differ, each with the number of operators"
    )
    settings: str | None = column("the runtime's settings, read back where it reports them")
    nodes: int | None = column("nodes of the graph as it ran")
    placed_share: float | None = column("share of the nodes that ran on the requested provider")
    elsewhere: str | None = column(
        "computing nodes that ran on another provider, with --allow-fallback"
    )
    constants_elsewhere: str | None = column(
        "nodes that ran on another provider and compute nothing from the image, only from shapes "
        "or weights: `5 DequantizeLinear on CPUExecutionProvider`"
    )
    tf32: bool | None = column("whether fp32 was computed in TF32 (CUDA only)")
    conv_search: str | None = column("how cuDNN's kernels were chosen (CUDA only)")
    inputs: str | None = column("what the timed images were")


@dataclass(frozen=True)
class Solo:
    """Solo: one arm by itself."""

    n: int | None = column("timed calls")
    blocks: int | None = column("timing blocks that these calls form")
    p50_ms: float | None = column("median time of a call")
    p50_low_ms: float | None = column("95% interval of p50_ms, over blocks")
    p50_high_ms: float | None = column("95% interval of p50_ms, over blocks")
    p90_ms: float | None = column("90th percentile, where n supports it")
    p99_ms: float | None = column("99th percentile, where n supports it")
    p999_ms: float | None = column("99.9th percentile, where n supports it")
    withheld: str | None = column("percentiles and intervals left empty, and why")
    images_per_second: float | None = column(
        "images per second, over the wall time of whole blocks"
    )
    steady: bool | None = column("whether times had settled when the warm-up ended")
    floor_us: float | None = column(
        "median time of a call that computes nothing: the harness's own cost"
    )
    floor_share: float | None = column("floor_us as a share of p50; above 0.1 there is a warning")

    @property
    def p50_interval(self) -> tuple[float, float] | None:
        """In ms; None if unknown. Older files have some that reach below 0, which is impossible."""
        low, high = self.p50_low_ms, self.p50_high_ms
        if low is None or high is None or not 0 < low <= high:
            return None
        return low, high


@dataclass(frozen=True)
class Pairing:
    """The pair: what it was compared with."""

    reference: str | None = column("the arm that it was paired with")
    reference_subject: str | None = column(
        "model of the reference arm: an artifact's id, or a third-party file's path; empty where "
        "it is the same artifact or file"
    )
    reference_precision: str | None = column(
        "precision of A in `compare A B`: `fp32`, `fp16`, `int8` or `file`"
    )
    reference_runtime: str | None = column("runtime of A in `compare A B`")
    reference_runtime_version: str | None = column("`runtime_version` of A in `compare A B`")
    reference_computed_in: str | None = column("`computed_in` of A in `compare A B`")
    reference_sha256: str | None = column(
        "hash of the reference's ONNX file, where it is a different one"
    )
    reference_file_bytes: int | None = column("size of A's ONNX file in `compare A B`")
    reference_parameters: int | None = column("weights of A in `compare A B`")
    reference_macs: int | None = column("multiply-adds of A for one image in `compare A B`")
    reference_peak_rss_mib: float | None = column("`peak_rss_mib` of A in `compare A B`")
    reference_correct: int | None = column("test images that the reference classifies correctly")
    margin: float | None = column("differences up to this share count as the same")


@dataclass(frozen=True)
class Ratio:
    """The pair: this arm and the reference in turns, call by call."""

    unpaired: str | None = column("why it could not be paired with the reference")
    ratio: float | None = column("time of this arm / time of the reference, paired")
    ratio_low: float | None = column("95% interval of the ratio, over instances")
    ratio_high: float | None = column("95% interval of the ratio, over instances")
    instances: int | None = column("pairs of processes behind the interval")
    turns: int | None = column("turns (four calls each), over all instances")
    verdict: str | None = column("faster, slower, same or inconclusive, by the margin")
    reference_p50_ms: float | None = column("median call of A in `compare A B`")


@dataclass(frozen=True)
class Compared:
    """Columns that only `compare A B` has: B is the row's own arm, A the reference."""

    way: str | None = column(
        "`turns`, or for comparison `sequential` (no turns) and `usual` (100 calls of each)"
    )
    repeat: int | None = column("number of this comparison in its series, from 1")
    turn_instances: int | None = column("pairs of processes requested")
    turn_seconds: float | None = column("seconds of turns requested")
    neighbour: float | None = column(
        "share of the time that a competing process was kept busy on purpose"
    )
    same_answers: bool | None = column("whether both give the same answers to the timed images")
    shown_images: int | None = column("number of different images timed")
    shown_agreement: float | None = column(
        "share of the timed images for which both give the same class"
    )
    shown_difference: float | None = column(
        "largest difference between their outputs for the timed images"
    )
    answers_as: str | None = column(
        "`probabilities` where one outputs these and the other logits; empty: compared unchanged"
    )
    classes_matched: str | None = column("how the classes of both were matched, or why not")


@dataclass(frozen=True)
class Cold:
    """Cold costs, medians over starts."""

    starts: int | None = column("processes started to measure the next three columns")
    cold_ms: float | None = column(
        "start of the process to the first answer, at the first batch size"
    )
    load_ms: float | None = column("creating the session, or building the network")
    first_ms: float | None = column("the very first call")
    new_shape_ms: float | None = column("first call at this batch size, beyond p50")


@dataclass(frozen=True)
class Memory:
    """Memory."""

    peak_rss_mib: float | None = column("peak resident memory of the process at this batch size")
    vram_mib: float | None = column(
        "GPU memory in use after the timed calls: one reading from the driver, not a peak"
    )


@dataclass(frozen=True)
class Scored:
    """Accuracy, through the same session."""

    accuracy: float | None = column("share of the test set classified correctly")
    accuracy_low: float | None = column("95% Wilson interval of the accuracy")
    accuracy_high: float | None = column("95% Wilson interval of the accuracy")
    correct: int | None = column("test images classified correctly")
    images: int | None = column("images in the test set")
    classes: int | None = column("classes in the test set")
    class_order: str | None = column(
        "empty: the logits are in the order of the test set's classes; `by name`: the file lists "
        "the same classes in another order, and they are matched by name"
    )
    accuracy_source: str | None = column("`measured` here, or `card`")
    accuracy_reason: str | None = column("why it was not measured")
    accuracy_batch: int | None = column(
        "batch size at which accuracy was measured: the row's own where `answers_vary`"
    )
    answers_vary: str | None = column(
        "what an answer depends on besides its image (the batch, or chance), and by how much"
    )
    agreement: float | None = column(
        "share of the test set that gets the same class as from the reference arm"
    )
    mcnemar_p: float | None = column(
        "p value of McNemar's exact test that both are equally accurate"
    )
    max_difference: float | None = column("largest difference of a logit from the reference arm's")

    @property
    def is_like_chance(self) -> bool:
        """Whether guessing could be as accurate."""
        if self.accuracy_low is None or not self.classes:
            return False
        return self.accuracy_low <= 1 / self.classes


@dataclass(frozen=True)
class Contention:
    """Wrong answers, and evidence of contention."""

    wrong_answers: int | None = column("timed calls that gave unexpected logits")
    disturbed: int | None = column("timing blocks kept although other processes interfered")
    rerun: int | None = column("timing blocks measured again because other processes interfered")
    steal_share: float | None = column("share of the wall time taken by the hypervisor")
    delay_share: float | None = column(
        "share of the wall time that the longest-waiting thread waited for a core"
    )
    pressure_share: float | None = column(
        "share of the time that some task on the machine waited for a core"
    )
    clock_mhz: float | None = column("clock of the cores, as the kernel reports it")


@dataclass(frozen=True)
class Context:
    """In relation to the other rows."""

    ratio_agrees: bool | None = column("whether the ratio of the two p50 agrees with `ratio`")
    break_even_calls: int | None = column(
        "calls after which it has cost less than `break_even_runtime` in the same cell, at the "
        "same precision or else fp32, start-up included; 0: from the beginning"
    )
    warnings: str | None = column("what to know before you rely on this row")


@dataclass(frozen=True)
class Provenance:
    """Provenance."""

    preset: str | None = column("`quick`, `standard`, `thorough`")
    when: str | None = column("time (UTC) when the cell was finished")
    seconds: float | None = column("seconds spent on the cell, start-up included")
    machine: str | None = column("key of the machine: equal for the same machine")
    harness: str | None = column("key of the code that measured it, the runtime's adapter included")
    break_even_runtime: str | None = column(
        "runtime that `break_even_calls` refers to: `--break-even`"
    )
    cell: str = column(
        "hash of everything that determines the cell; --resume finds cells by it", ""
    )
    schema: int = column("version of these columns", SCHEMA)


@dataclass(frozen=True)
class Row(
    Provenance,
    Context,
    Contention,
    Scored,
    Memory,
    Cold,
    Compared,
    Ratio,
    Pairing,
    Solo,
    Ran,
    Model,
    Outcome,
    Asked,  # the fields of the last come first
):
    """One measured cell: what was asked for, what really ran, the results. Empty cells are None."""

    @classmethod
    def of(cls, *groups: object) -> "Row":
        """A row from these groups; the fields of missing groups are unknown."""
        return cls(**{name: value for group in groups for name, value in vars(group).items()})

    @property
    def key(self) -> tuple[Any, ...]:
        """What it measures, whatever the file's bytes or the machine: rows are matched by this."""
        return (
            *(self.subject, self.precision, self.runtime, self.provider, self.boundary),
            *(self.threads, self.batch, self.scenario, bool(self.cuda_graph), self.repeat),
        )

    @property
    def is_comparison(self) -> bool:
        """Whether `compare A B` wrote it."""
        return self.way is not None

    @property
    def predictions(self) -> str:
        """The key of its predictions in the predictions file."""
        return predictions_key(self.arm, self.accuracy_batch if self.answers_vary else None)


GROUPS = tuple(reversed(Row.__bases__))
COLUMNS = {part.name: part.metadata["about"] for part in fields(Row)}
