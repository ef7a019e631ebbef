"""What the tests of comparisons here and now, and of series of them, have in common."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.measuring.environment import environment
from bench.measuring.harness import harness
from bench.measuring.samples import Samples
from bench.pair.asking import find_pair
from bench.pair.settings import PairSettings
from bench.results.journal import Journal
from bench.results.record import Record
from bench.results.rows import Provenance, Ran, Row
from tests.factories import cell
from zoo.files import sha256

SETTINGS = PairSettings(
    runtimes=("faulty_sweep:Right", "faulty_sweep:Right"),
    seconds=0.05,
    instances=2,
    warm_seconds=0.01,
)
IN_ORT = replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime"))
ComparePair = Callable[..., list[Row]]
# Two instances in which B takes 0.1 to 0.3% longer.
SAMPLES = Samples(turns=[[[1000, 1001, 1003, 1002]] * 9, [[1000, 1002, 1004, 1002]] * 9], wrong=0)


def compared(**columns: Any) -> Row:
    """The row of a comparison that says the two are the same."""
    return cell(
        0.4004,
        **{
            "subject": "cnn-digits",
            "precision": "int8",
            "reference": "onnxruntime cpu fp32",
            "reference_subject": "cnn-digits",
            "reference_precision": "fp32",
            "reference_runtime": "onnxruntime",
            "reference_p50_ms": 0.4,
            "margin": 0.02,
            "ratio": 1.001,
            "ratio_low": 0.998,
            "ratio_high": 1.004,
            "verdict": "same",
            "instances": 5,
            "turns": 5000,
            "way": "turns",
            "repeat": 1,
            "same_answers": True,
            "shown_images": 8,
            "shown_agreement": 1.0,
            "shown_difference": 1e-6,
            **columns,
        },
    )


def kept(path: Path, file: Path, **provenance: Any) -> Record:
    """A comparison of a file with itself, by `SETTINGS`, as `path` and its samples keep it.

    provenance: what is otherwise about it; `version` of B's runtime too.
    """
    pair = find_pair([str(file)] * 2, ("fp32", "fp32"), SETTINGS, Path("exports"), None)
    versions = provenance.pop("version", "faulty 1.0")
    facts = {"machine": environment().machine, "harness": harness(*SETTINGS.runtimes)} | provenance
    assert pair.pairing.reference_sha256 == sha256(file)
    record = Record(
        asked=pair.asked,
        model=replace(Record(pair.asked).model, sha256=sha256(file)),
        ran=Ran(runtime_version=versions),
        pairing=replace(pair.pairing, reference_runtime_version="faulty 1.0"),
        compared=replace(pair.compared, repeat=1, same_answers=True),
        provenance=Provenance(when="2026-11-21T12:00:00+00:00", cell=pair.cell(1), **facts),
        samples=SAMPLES,
    )
    Journal(path).add(record)
    return record
