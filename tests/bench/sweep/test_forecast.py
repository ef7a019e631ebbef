"""How long a sweep will take, as `bench --dry-run` says it."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bench.runtimes.registry import start_seconds
from bench.subjects.subject import Subject
from bench.sweep.benchmark import seconds_expected
from bench.sweep.matrix import PRESETS, Settings, arms_of
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.card import Card

ON_H200 = Path(__file__).parents[3] / "docs/results/h200"
FOUR = ("cnn", "speednet", "mlp", "dense")


@pytest.fixture
def expected(make_card: Callable[..., Card]) -> Callable[..., float]:
    """The seconds of a sweep over models of which nothing is there but a card."""

    def forecast(*names: str, precisions: tuple[str, ...], **options: Any) -> float:
        subjects = []
        for name in names:
            artifact = Artifact(Path("exports"), name, {"precisions": list(precisions)})
            artifact.__dict__["card"] = make_card(id=name)
            artifact.__dict__["file"] = Path
            subjects += [
                Subject(name, precision, Path(f"{precision}.onnx"), artifact=artifact)
                for precision in precisions
            ]
        settings = Settings(threads=(1,), **options)
        return seconds_expected(list(arms_of(subjects, settings)), settings)

    return forecast


@pytest.mark.parametrize(("preset", "minutes"), [("quick", 4), ("standard", 12)])
@pytest.mark.parametrize("other", ["int8", "fp16"])
def test_four_models_on_a_gpu_take_a_break_and_no_longer(
    expected: Callable[..., float], preset: str, minutes: int, other: str
) -> None:
    options = {"preset": PRESETS[preset], "providers": ("cuda",), "batches": (1, 64, 1024)}
    assert expected(*FOUR, precisions=("fp32", other), **options) < minutes * 60


def test_the_start_on_a_gpu_is_about_what_it_was_on_one() -> None:
    texts = [path.read_text().splitlines() for path in sorted(ON_H200.glob("*.csv"))]
    starts = [float(row["cold_ms"]) / 1000 for text in texts for row in csv.DictReader(text)]
    assert len(starts) > 10
    assert start_seconds("onnxruntime", "cuda") == pytest.approx(median(starts), rel=0.1)


def test_on_a_gpu_more_batch_sizes_start_no_more_processes(
    expected: Callable[..., float],
) -> None:
    preset = replace(PRESETS["quick"], pair_on_gpu=None)
    options = {"precisions": ("int8",), "providers": ("cuda",), "preset": preset}
    one, two = (expected("cnn", batches=batches, **options) for batches in ((64,), (64, 128)))
    length = preset.length
    solo = (length.least_seconds + length.most_seconds) / 2
    assert two - one == pytest.approx(2 * (solo + preset.pair.seconds))  # at either boundary


def test_on_the_cpu_each_cell_has_its_solo_time_and_its_pair(
    expected: Callable[..., float],
) -> None:
    preset = PRESETS["quick"]
    found = expected("cnn", precisions=("int8",), preset=preset, batches=(1, 64))
    start, pair, length = start_seconds("onnxruntime"), preset.pair, preset.length
    cell = (length.least_seconds + length.most_seconds) / 2 + pair.seconds
    assert found == pytest.approx(start + 2 * (cell + pair.instances * 2 * start))


def test_the_reference_on_a_gpu_meets_the_cpu_at_batch_1_only(
    expected: Callable[..., float],
) -> None:
    options = {"precisions": ("fp32",), "providers": ("cuda",), "preset": PRESETS["quick"]}
    without = expected("cnn", batches=(64,), **options)
    assert expected("cnn", batches=(1,), **options) > without + 5
