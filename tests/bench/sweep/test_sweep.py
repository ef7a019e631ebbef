"""A sweep of real processes: every row can be believed, and be computed again."""

import csv
import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.results.files import beside
from bench.results.journal import Journal
from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import COLUMNS, OK, Compared, Row
from tests.factories import samples_of
from zoo.artifacts.artifact import find_artifact

FP32 = {"precision": "fp32", "runtime": "onnxruntime", "boundary": "host"}
INT8 = {**FP32, "precision": "int8"}


class TestRows:
    """What a sweep of the published `mlp`, in two runtimes at two batch sizes, wrote."""

    def test_there_is_a_row_for_every_cell(self, swept: Any) -> None:
        assert read_csv(swept.out) == swept.rows
        found = [(row.precision, row.runtime, row.batch, row.status) for row in swept.rows]
        assert found == [
            ("fp32", "onnxruntime", 1, OK),
            ("fp32", "onnxruntime", 4, OK),
            ("int8", "onnxruntime", 1, OK),
            ("int8", "onnxruntime", 4, OK),
        ]
        assert len({row.cell for row in swept.rows}) == len({row.key for row in swept.rows}) == 4

    @pytest.mark.parametrize("name", [part.name for part in fields(Row)])
    def test_a_measured_row_is_complete(self, swept: Any, name: str) -> None:
        row = swept.row(**INT8, batch=4)
        empty = {  # on this machine, in so short a time, or where nothing is amiss
            *("reason", "elsewhere", "constants_elsewhere", "tf32", "cuda_graph", "conv_search"),
            *("vram_mib",),
            *("accuracy_reason", "class_order", "answers_vary"),
            *("p90_ms", "p99_ms", "p999_ms", "withheld", "warnings", "steal_share"),
            *("delay_share", "pressure_share", "clock_mhz", "break_even_calls", "unpaired"),
            *("computed_in", "settings"),
            *("p50_low_ms", "p50_high_ms", "ratio_low", "ratio_high"),
            *(part.name for part in fields(Compared)),  # of `compare A B`, as are these
            *(column for column in COLUMNS if column.startswith("reference_")),
        }
        assert name in empty or getattr(row, name) is not None

    def test_it_says_what_ran(self, swept: Any) -> None:
        row = swept.row(**FP32, batch=1)
        assert row.runtime_version.startswith("onnxruntime 1.")
        assert row.placed_share == 1
        assert row.nodes > 1
        assert row.inputs == "test set of digits"

    def test_the_accuracy_is_that_of_the_whole_test_set(
        self, swept: Any, mlp_exports: Path
    ) -> None:
        card = find_artifact("mlp", mlp_exports).card
        for facts in (FP32, INT8):
            row = swept.row(**facts, batch=4)
            told = card.precisions[row.precision].accuracy
            assert (row.correct, row.images) == (told.correct, told.images)
            assert row.accuracy == pytest.approx(told.share)
            assert row.accuracy_low < row.accuracy < row.accuracy_high
            assert row.accuracy_source == "measured"
            assert row.wrong_answers == 0

    def test_arms_are_held_against_the_reference(self, swept: Any) -> None:
        reference, int8 = (swept.row(**facts, batch=1) for facts in (FP32, INT8))
        assert reference.reference is None
        assert (reference.agreement, reference.mcnemar_p, reference.max_difference) == (1, 1, 0)
        assert int8.reference == "onnxruntime cpu fp32"
        assert (int8.instances, int8.margin) == (2, 0.02)
        assert int8.turns >= 2 * 4
        assert int8.ratio > 0
        assert int8.verdict in ("faster", "slower", "same", "inconclusive")
        assert 0 < int8.agreement <= 1
        assert 0 < int8.mcnemar_p <= 1
        assert int8.max_difference > 1e-3

    def test_cold_costs_are_in_their_order(self, swept: Any) -> None:
        for row in swept.rows:
            if row.status == OK:
                assert row.cold_ms > row.load_ms > 0
                assert row.first_ms > 0
                assert (row.new_shape_ms is None) == (row.batch == 1)

    def test_evidence_and_environment_are_kept(self, swept: Any) -> None:
        told = json.loads(beside(swept.out, "environment.json").read_text())
        assert {row.machine for row in swept.rows} == {told["machine"]}
        assert {"cpu", "cores", "packages", "python", "quota"} <= set(told)
        for row in swept.rows:
            if row.status == OK:
                assert row.floor_us > 0
                assert row.floor_share == pytest.approx(row.floor_us / 1e3 / row.p50_ms)
                assert 0 <= row.disturbed <= row.blocks

    def test_percentiles_that_so_few_calls_do_not_support_are_withheld(self, swept: Any) -> None:
        row = swept.row(**FP32, batch=4)
        assert row.p999_ms is None
        assert "p999: n=" in row.withheld


class TestSamples:
    def test_every_row_can_be_made_again(self, swept: Any) -> None:
        journal = Journal(swept.out)
        journal.load()
        assert journal.rows == read_csv(swept.out) == swept.rows

    def test_they_are_the_calls_that_were_timed(self, swept: Any) -> None:
        samples = samples_of(swept.out)
        for row in swept.rows:
            kept = samples[row.cell]
            if row.status != OK:
                assert kept.blocks == kept.turns == kept.starts == []
                continue
            for block in kept.blocks:
                assert 0 < sum(block.ns) <= block.wall_ns
            assert all(len(quad) == 4 for turns in kept.turns for quad in turns)
            images = sum(len(block.ns) for block in kept.blocks) * row.batch
            seconds = sum(block.wall_ns for block in kept.blocks) / 1e9
            assert row.images_per_second == pytest.approx(images / seconds)

    def test_predictions_are_kept_by_arm_with_the_labels(self, swept: Any) -> None:
        kept = read_predictions(swept.out)
        assert set(kept) == {
            "mlp-digits|fp32|onnxruntime|cpu",
            "mlp-digits|int8|onnxruntime|cpu",
            "labels|digits",
        }
        for row in swept.rows:
            if row.status == OK:
                right = kept[row.arm] == kept["labels|digits"]
                assert (right.sum(), len(right)) == (row.correct, row.images)

    def test_operators_are_kept_for_each_cell_of_onnxruntime(self, swept: Any) -> None:
        with beside(swept.out, "operators.csv").open(newline="") as handle:
            found = list(csv.DictReader(handle))
        wanted = {
            row.cell for row in swept.rows if (row.runtime, row.status) == ("onnxruntime", OK)
        }
        assert {one["cell"] for one in found} == wanted
        for cell in wanted:
            shares = [float(one["share"]) for one in found if one["cell"] == cell]
            assert math.isclose(sum(shares), 1, abs_tol=0.01)
            assert shares == sorted(shares, reverse=True)


def test_rows_and_samples_hold_no_numpy(swept: Any) -> None:
    for row in swept.rows:
        assert not any(isinstance(value, np.generic) for value in asdict(row).values())
