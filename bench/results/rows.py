"""What is known of a cell: the columns of a results file, in groups.

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
    """A row of a schema that is not read; the message says which are."""


def of_today(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row's cells, of this schema or of one before it, by the columns of today."""
    schema = cells.get("schema")
    known = {str(number): names for number, names in (FORMER_NAMES | {SCHEMA: {}}).items()}
    if str(schema) not in known:
        raise OtherSchemaError(f"has schema {schema}, this zoo reads {', '.join(sorted(known))}")
    names = known[str(schema)]
    now = {names.get(name, name): value for name, value in cells.items()}
    return now | {"schema": str(SCHEMA) if isinstance(schema, str) else SCHEMA}


def column(about: str, default: Any = None) -> Any:
    """A column of the CSV; docs/reference/results.md is made of these texts."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Asked:
    """What was asked."""

    subject: str = column("what is measured: an artifact's id, or a third-party file's path", "")
    precision: str = column("`fp32`, `fp16`, `int8`; `file` for a third-party file", "")
    runtime: str = column("one of `python cli.py list runtimes`, or your own", "")
    provider: str = column(
        "ONNX Runtime's execution provider, such as `cpu`, `cuda` or `tensorrt`; of another "
        "runtime, where it computes",
        "",
    )
    boundary: str = column("`host`: copies are counted; `device`: pixels and logits stay there", "")
    threads: int = column("threads of one call", 0)
    batch: int = column("images a call", 0)
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
    dataset: str | None = column("whose test set it is asked about; an artifact was trained on it")
    parameters: int | None = column(
        "weights in the ONNX graph, trained or not; of an artifact those of its fp32 file"
    )
    macs: int | None = column(
        "multiply-adds of the graph's convolutions and matrix products for one image, likewise; "
        "empty where the graph does not tell its shapes"
    )
    opset: int | None = column("of the ONNX file")
    file_precision: str | None = column(
        "what the convolutions and matrix products of the ONNX file multiply, most multiply-adds "
        "first: `fp32`, `fp16`, `int8+fp32`; `computed_in` is what a runtime made of it"
    )
    file_bytes: int | None = column("size of the ONNX file")
    sha256: str | None = column("of the ONNX file")


@dataclass(frozen=True)
class Ran:
    """What really ran."""

    runtime_version: str | None = column("what computed, with its version: `onnxruntime 1.31.1`")
    computed_in: str | None = column(
        "precision of the convolutions and matrix products, where the runtime tells it; where it "
        "counts them and they differ, with their number behind"
    )
    settings: str | None = column("what the runtime was set to, read back, where it tells it")
    nodes: int | None = column("nodes of the graph as it ran")
    placed_share: float | None = column("share of the nodes on the provider asked for")
    elsewhere: str | None = column("computing nodes on another provider, with --allow-fallback")
    tf32: bool | None = column("whether fp32 was computed in TF32 (CUDA only)")
    conv_search: str | None = column("how cuDNN's kernels were chosen (CUDA only)")
    inputs: str | None = column("what the timed images were")


@dataclass(frozen=True)
class Solo:
    """Solo: one arm by itself."""

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

    @property
    def p50_interval(self) -> tuple[float, float] | None:
        """In ms; None where it is not known. Older files hold some that reach below 0: no time."""
        low, high = self.p50_low_ms, self.p50_high_ms
        if low is None or high is None or not 0 < low <= high:
            return None
        return low, high


@dataclass(frozen=True)
class Pairing:
    """The pair: what it was held against."""

    reference: str | None = column("the arm that it was paired with")
    reference_subject: str | None = column(
        "what that arm is of: an artifact's id, or a third-party file's path; empty: of the same "
        "artifact or file"
    )
    reference_precision: str | None = column("`fp32`, `fp16`, `int8`, or `file`, of `compare A B`")
    reference_runtime: str | None = column("its runtime, of `compare A B`")
    reference_runtime_version: str | None = column("what computed it, of `compare A B`")
    reference_computed_in: str | None = column("its `computed_in`, of `compare A B`")
    reference_sha256: str | None = column("of its ONNX file, where it is of another one")
    reference_file_bytes: int | None = column("size of its ONNX file, of `compare A B`")
    reference_parameters: int | None = column("its trainable parameters, of `compare A B`")
    reference_macs: int | None = column("its multiply-adds for one image, of `compare A B`")
    reference_peak_rss_mib: float | None = column("its `peak_rss_mib`, of `compare A B`")
    reference_correct: int | None = column("images of the test set that it has right")
    margin: float | None = column("differences up to this share count as the same")


@dataclass(frozen=True)
class Ratio:
    """The pair: this arm and the reference in turns, call by call."""

    unpaired: str | None = column("why it could not be paired with the reference")
    ratio: float | None = column("time of this arm / time of the reference, paired")
    ratio_low: float | None = column("its 95 % interval, over instances")
    ratio_high: float | None = column("its 95 % interval, over instances")
    instances: int | None = column("pairs of processes that the interval is over")
    turns: int | None = column("quadruples of calls, over all instances")
    verdict: str | None = column("faster, slower, same or inconclusive, by the margin")
    reference_p50_ms: float | None = column("the reference's median call, of `compare A B`")


@dataclass(frozen=True)
class Compared:
    """What `compare A B` alone has: B is the row's own arm, A the reference."""

    way: str | None = column(
        "`turns`; to be looked at, `sequential` (without turns) and `usual` (100 calls of each)"
    )
    repeat: int | None = column("which comparison of its series it is, from 1")
    turn_instances: int | None = column("pairs of processes that were asked for")
    turn_seconds: float | None = column("seconds of turns that were asked for")
    neighbour: float | None = column("share of the time that a process beside was busy on purpose")
    same_answers: bool | None = column("whether both give the same answers to the timed images")
    shown_images: int | None = column("how many different images were timed")
    shown_agreement: float | None = column("share of these to which both give the same class")
    shown_difference: float | None = column("largest difference of their answers to these")
    answers_as: str | None = column(
        "`probabilities` where one gives these and the other logits; empty: as they come"
    )
    classes_matched: str | None = column("how the classes of both were matched, or why not")


@dataclass(frozen=True)
class Cold:
    """Cold costs, medians over starts."""

    starts: int | None = column("processes started for the next three")
    cold_ms: float | None = column(
        "start of the process to the first answer, at the first batch size"
    )
    load_ms: float | None = column("creating the session, or building the network")
    first_ms: float | None = column("the very first call")
    new_shape_ms: float | None = column("first call at this batch size, beyond p50")


@dataclass(frozen=True)
class Memory:
    """Memory."""

    peak_rss_mib: float | None = column("largest resident memory of the process at this batch size")
    vram_mib: float | None = column(
        "GPU memory held after the timed calls: one reading of the driver's, and no peak"
    )


@dataclass(frozen=True)
class Scored:
    """Accuracy, through the same session."""

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

    @property
    def is_like_chance(self) -> bool:
        """Whether guessing could be as accurate."""
        if self.accuracy_low is None or not self.classes:
            return False
        return self.accuracy_low <= 1 / self.classes


@dataclass(frozen=True)
class Contention:
    """Wrong answers, and evidence of contention."""

    wrong_answers: int | None = column("timed calls whose logits were not those expected")
    disturbed: int | None = column("blocks kept although others disturbed them")
    rerun: int | None = column("blocks measured again for that reason")
    steal_share: float | None = column("time that the hypervisor took, of the wall time")
    delay_share: float | None = column(
        "time the thread that waited longest waited for a core, of the wall time"
    )
    pressure_share: float | None = column("time some task of the machine waited for a core")
    clock_mhz: float | None = column("the cores' clock, as the kernel says it")


@dataclass(frozen=True)
class Context:
    """In the light of the other rows."""

    ratio_agrees: bool | None = column("whether the ratio of the two p50 says the same")
    break_even_calls: int | None = column(
        "calls until it has overtaken `break_even_runtime` in the same cell, of the same precision "
        "or else of fp32; starts counted, 0: from the beginning"
    )
    warnings: str | None = column("what to know before believing this row")


@dataclass(frozen=True)
class Provenance:
    """Provenance."""

    preset: str | None = column("`quick`, `standard`, `thorough`")
    when: str | None = column("UTC, at the end of the cell")
    seconds: float | None = column("that measuring the cell took, starts included")
    machine: str | None = column("the machine's key: equal on the same machine")
    harness: str | None = column(
        "the key of this zoo's code that measured it, its adapter included"
    )
    break_even_runtime: str | None = column("what `break_even_calls` is about: `--break-even`")
    cell: str = column("hash of everything that determines the cell; --resume goes by it", "")
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
    """One measured cell: what was asked, what really ran, what came out. Empty: None."""

    @classmethod
    def of(cls, *groups: object) -> "Row":
        """The groups side by side; of those that are not given nothing is known."""
        return cls(**{name: value for group in groups for name, value in vars(group).items()})

    @property
    def key(self) -> tuple[Any, ...]:
        """What it measures, whatever the file's bytes or the machine: rows pair by this."""
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
        """Where its predictions stand in the predictions file."""
        return predictions_key(self.arm, self.accuracy_batch if self.answers_vary else None)


GROUPS = tuple(reversed(Row.__bases__))
COLUMNS = {part.name: part.metadata["about"] for part in fields(Row)}
