"""Accuracy over a test set: at each batch size where answers depend on it, class by class."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime import InferenceSession

from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import FAILED, OK
from tests import classifiers
from zoo.data import load
from zoo.errors import UsageError
from zoo.ort.given import Given

Sweep = Callable[..., Any]
ORDER = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)
ANIMALS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay")


def right(path: Path, batch: int) -> int:
    """Right answers in batches of that size, the last one filled up with the first images."""
    test = load("digits").test
    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    classes = []
    for at in range(0, len(test), batch):
        images = test.images[np.arange(at, at + batch) % len(test)]
        (values,) = session.run(None, {"image": images})
        classes.append(values.argmax(axis=1)[: len(test) - at])
    return int((np.concatenate(classes) == test.labels).sum())


@pytest.fixture
def sweep(sweep_of: Sweep) -> Sweep:
    """Over the digits, in onnxruntime."""

    def run(*files: Path, **options: Any) -> Any:
        given = Given(data="digits", classes_as_given=options.pop("classes_as_given", False))
        return sweep_of(*files, given=given, runtimes=("onnxruntime",), **options)

    return run


class TestBatches:
    """What an answer depends on beside its image."""

    def test_an_answer_of_its_image_alone_is_measured_once(
        self, sweep: Sweep, tmp_path: Path
    ) -> None:
        file = classifiers.write(tmp_path / "plain.onnx")
        found = sweep(file, batches=(1, 5))
        for row in found.rows:
            assert (row.correct, row.accuracy_batch) == (right(file, 64), 64)
            assert (row.answers_vary, row.classes, row.is_like_chance) == (None, 10, False)
        assert set(read_predictions(found.out)) == {found.rows[0].arm, "labels|digits"}
        assert not any("depends" in line for line in found.told)

    def test_one_that_takes_the_mean_off_a_batch_is_measured_at_each_size(
        self, sweep: Sweep, tmp_path: Path
    ) -> None:
        file = classifiers.write(tmp_path / "mean.onnx", "batch mean")
        found = sweep(file, batches=(1, 5, 64))
        assert [row.correct for row in found.rows] == [right(file, size) for size in (1, 5, 64)]
        assert [row.accuracy_batch for row in found.rows] == [1, 5, 64]
        for row in found.rows:
            assert row.answers_vary.startswith("the answer to an image depends on its batch (")
            assert f"so its accuracy is that of batch {row.batch}" in row.warnings
        alone, _, many = found.rows
        assert alone.is_like_chance
        assert "no better than guessing one of 10 classes" in alone.warnings
        assert not many.is_like_chance
        assert any("accuracy is measured at each batch size" in line for line in found.told)
        kept, labels = read_predictions(found.out), load("digits").test.labels
        for row in found.rows:
            assert int((kept[row.predictions] == labels).sum()) == row.correct
        assert read_csv(found.out) == found.rows

    def test_one_that_quantises_by_the_range_of_a_batch_too(
        self, sweep: Sweep, tmp_path: Path
    ) -> None:
        file = classifiers.write(tmp_path / "dynamic.onnx", "dynamic")
        rows = sweep(file, batches=(1, 64)).rows
        assert [row.correct for row in rows] == [right(file, 1), right(file, 64)]
        assert all("depends on its batch" in row.warnings for row in rows)

    def test_a_single_size_is_held_against_that_of_the_usual_pass(
        self, sweep: Sweep, tmp_path: Path
    ) -> None:
        file = classifiers.write(tmp_path / "mean.onnx", "batch mean")
        (row,) = sweep(file, batches=(1,)).rows
        assert (row.correct, row.accuracy_batch) == (right(file, 1), 1)

    def test_a_fixed_size_has_the_accuracy_of_that(self, sweep: Sweep, tmp_path: Path) -> None:
        file = classifiers.write(tmp_path / "mean.onnx", "batch mean", batch=8)
        (row,) = sweep(file, batches=(1, 64)).rows
        assert (row.batch, row.correct, row.accuracy_batch) == (8, right(file, 8), 8)
        assert "depends on its batch" in row.answers_vary

    def test_the_reference_answers_the_same_batches(self, sweep_of: Sweep, tmp_path: Path) -> None:
        file = classifiers.write(tmp_path / "mean.onnx", "batch mean")
        given = Given(data="digits")
        found = sweep_of(file, given=given, runtimes=("onnxruntime",), batches=(1, 8)).rows
        assert {(row.agreement, row.max_difference) for row in found} == {(1.0, 0.0)}

    def test_chance_fails_the_calls_that_were_timed(self, sweep: Sweep, tmp_path: Path) -> None:
        (row,) = sweep(classifiers.write(tmp_path / "noise.onnx", "noise"), batches=(4,)).rows
        assert row.status == FAILED
        assert "timed calls gave different logits" in row.warnings

    def test_chance_that_first_shows_in_the_test_set_is_a_warning(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx(classes=10, metadata={})
        given = Given(data="digits")
        (row,) = sweep_of(file, given=given, runtimes=("faulty_sweep:Guesses",)).rows
        assert row.status == OK
        assert "the same call made twice gives different answers" in row.warnings


class TestClasses:
    """A file that names its classes, and data that names its own."""

    def test_another_order_is_matched_by_name(self, sweep: Sweep, tmp_path: Path) -> None:
        plain = classifiers.write(tmp_path / "plain.onnx")
        named = classifiers.write(
            tmp_path / "named.onnx", order=ORDER, names=[str(label) for label in ORDER]
        )
        found = sweep(named, plain)
        theirs, ours = found.row(subject=str(named)), found.row(subject=str(plain))
        assert theirs.correct == ours.correct == right(plain, 64)
        assert (theirs.class_order, ours.class_order) == ("by name", None)
        assert "so its answers are matched by name" in theirs.warnings
        assert f"{named} lists the same classes in another order" in " ".join(found.told)
        kept = read_predictions(found.out)
        assert np.array_equal(kept[theirs.predictions], kept[ours.predictions])
        assert theirs.agreement == 1

    def test_what_it_is_told_to_take_as_given_is_not(self, sweep: Sweep, tmp_path: Path) -> None:
        named = classifiers.write(
            tmp_path / "named.onnx", order=ORDER, names=[str(label) for label in ORDER]
        )
        (row,) = sweep(named, classes_as_given=True).rows
        assert (row.correct, row.class_order) == (right(named, 64), None)

    def test_names_beside_it_count_as_well(self, sweep: Sweep, tmp_path: Path) -> None:
        named = classifiers.write(tmp_path / "named.onnx", order=ORDER)
        beside = {"class_names": [f" {label}" for label in ORDER]}
        named.with_suffix(".json").write_text(json.dumps(beside))
        (row,) = sweep(named).rows
        assert row.correct == right(classifiers.write(tmp_path / "plain.onnx"), 64)

    def test_other_classes_are_refused_before_anything_is_measured(
        self, sweep: Sweep, tmp_path: Path
    ) -> None:
        file = classifiers.write(tmp_path / "animals.onnx", names=ANIMALS)
        with pytest.raises(
            UsageError, match=r"names other classes \(ant, .* those of digits"
        ) as no:
            sweep(file)
        assert "--no-accuracy" in str(no.value)
        assert "add --classes-as-given" in str(no.value)
        assert not (tmp_path / "results.csv").exists()

    def test_so_is_another_number_of_them(self, sweep: Sweep, tiny_onnx: Any) -> None:
        with pytest.raises(UsageError, match="names other classes") as refused:
            sweep(tiny_onnx())
        assert "--classes-as-given" not in str(refused.value)

    @pytest.mark.parametrize("options", [{"classes_as_given": True}, {"measure_accuracy": False}])
    def test_unless_asked_for(self, sweep: Sweep, tmp_path: Path, options: dict[str, bool]) -> None:
        file = classifiers.write(tmp_path / "animals.onnx", names=ANIMALS)
        (row,) = sweep(file, **options).rows
        assert row.status == OK
        assert (row.accuracy is None) == ("measure_accuracy" in options)
