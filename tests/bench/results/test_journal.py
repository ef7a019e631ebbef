"""Each finished cell is kept for good: rows and samples come back, also after a crash."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.measuring.samples import Block, Samples, Start
from bench.results.journal import Journal
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import FORMER_NAMES, SCHEMA, Outcome, Row, Scored
from tests.factories import asked, record, samples_of
from zoo.errors import UsageError, ZooError

SAMPLES = Samples(
    blocks=[Block([1, 2, 3], 7, "others", {"steal_share": 0.5, "clock_mhz": None})],
    floor_ns=[1, 2],
    turns=[[[1, 2, 3, 4]]],
    unpaired="it hung",
    starts=[Start(3, 2, 1)],
)


def written(path: Path, *rows: Row, samples: Samples | None = None) -> Journal:
    journal = Journal(path)
    for row in rows:
        journal.add(record(samples, **vars(row)))
    return journal


def test_rows_and_samples_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.csv"
    journal = written(path, asked(), asked(batch=2, cell="c2"), samples=SAMPLES)
    assert read_csv(path) == journal.rows
    assert [(row.n, row.floor_us, row.turns) for row in journal.rows] == [(3, 0.0015, 1)] * 2
    assert samples_of(path) == {"c1": SAMPLES, "c2": SAMPLES}


def test_resuming_takes_up_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first = written(path, asked(peak_rss_mib=math.pi), asked(batch=2))
    again = Journal(path)
    again.resume()
    assert again.rows == first.rows


def test_a_line_it_died_in_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked(), asked(batch=2))
    whole = journal.samples.read_text()
    journal.samples.write_text(whole[:-40])
    again = Journal(path)
    again.resume()
    assert again.rows == [asked()]
    assert journal.samples.read_text() == whole.splitlines(keepends=True)[0]
    assert read_csv(path) == [asked()]
    again.add(record(batch=3))
    assert [one.batch for one in read_csv(path)] == [1, 3]


def test_a_row_that_the_csv_lacks_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, asked(), asked(batch=2))
    write_csv(path, [asked()])  # killed between the two files
    Journal(path).resume()
    assert len(read_csv(path)) == 2


def test_what_a_cell_learned_later_is_added_to_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked(accuracy_reason="not yet"), asked(batch=2, cell="c2"))
    journal.amend("c1", Outcome("failed", "no labels"), Scored(accuracy=0.5))
    first, second = journal.rows
    assert first == asked(status="failed", reason="no labels", accuracy=0.5)
    assert second == asked(batch=2, cell="c2")
    again = Journal(path)
    again.resume()
    assert again.rows == read_csv(path) == journal.rows


def test_what_follows_from_other_rows_is_in_the_csv_only(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    samples = Samples(blocks=[Block([2_000_000], 2_000_000)], starts=[Start(9_000_000, 2, 1)])
    journal = written(path, asked(), samples=samples)
    before = journal.samples.read_text()
    faster = Samples(blocks=[Block([1_000_000], 1_000_000)], starts=[Start(1_000_000, 2, 1)])
    journal.add(record(faster, runtime="torch", cell="c2"))
    journal.add(record(faster, batch=2, cell="c3"))
    assert [row.break_even_calls for row in journal.rows] == [None, None, None]
    slower = Samples(blocks=[Block([3_000_000], 3_000_000)], starts=[Start(1_000_000, 2, 1)])
    journal.add(record(slower, runtime="torch", cell="c4"))
    assert [row.break_even_calls for row in read_csv(path)] == [9, None, None]
    assert journal.samples.read_text().startswith(before)


def test_a_cell_that_is_measured_again_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, asked(status="failed", reason="late"), asked(batch=2), asked(peak_rss_mib=1.0))
    assert read_csv(path) == [asked(peak_rss_mib=1.0), asked(batch=2)]
    again = Journal(path)
    again.resume()
    assert again.rows == [asked(peak_rss_mib=1.0), asked(batch=2)]


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"row": {"colour": 1}}', "[]"])
def test_a_damaged_line_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked())
    with journal.samples.open("a") as handle:
        handle.write(f"{line}\n")
    with pytest.raises(ZooError, match="is damaged"):
        Journal(path).resume()


def test_samples_of_another_schema_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, asked(schema=SCHEMA + 1))
    with pytest.raises(ZooError, match=f"schema {SCHEMA + 1}"):
        Journal(path).resume()


def older(schema: int) -> list[str]:
    """The lines that a zoo of that schema wrote of a cell, and of its accuracy later."""
    former = {name: old for old, name in FORMER_NAMES[schema].items()}
    row = {
        former.get(name, name): value
        for name, value in asdict(
            asked(
                **{"runtime_version": "onnxruntime 1.31.1", "when": "now", "schema": schema},
                **{"p50_ms": 2e-6, "steady": False, "rerun": 1, "wrong_answers": 0},
                **{"new_shape_ms": 3e-6, "warnings": "an old one", "accuracy_reason": "not yet"},
            )
        ).items()
    }
    timed = {"blocks": asdict(SAMPLES)["blocks"], "floor_ns": [], "turns": []}
    samples = {**timed, "starts": [{"cold": 3, "load": 2, "first": 1}]}
    scored = row | {"accuracy": 0.5, "accuracy_reason": None}
    lines = [
        {"cell": "c1", "row": row, "samples": samples},
        {"cell": "c1", "row": scored, "samples": None},
    ]
    return [json.dumps(line) + "\n" for line in lines]


@pytest.mark.parametrize("schema", FORMER_NAMES)
def test_a_sweep_of_an_older_schema_is_continued_in_the_current_columns(
    tmp_path: Path, schema: int
) -> None:
    path = tmp_path / "results.csv"
    journal = Journal(path)
    journal.samples.write_text("".join(older(schema)))
    (note,) = journal.resume()
    assert f"was updated from schema {schema} to {SCHEMA}" in note
    for former, name in FORMER_NAMES[schema].items():
        assert f"column {former} is now called {name}" in note
    (row,) = journal.rows
    assert (row.runtime_version, row.accuracy, row.accuracy_reason) == (
        *("onnxruntime 1.31.1", 0.5),
        None,
    )
    assert (row.n, row.steady, row.rerun, row.wrong_answers) == (3, False, 1, 0)
    assert row.new_shape_ms == pytest.approx(3e-6)
    assert "had not settled" in str(row.warnings)
    assert "an old one" not in str(row.warnings)
    assert samples_of(path)["c1"].new_shape_ns == 5
    again = Journal(path)
    assert again.resume() == []
    assert again.rows == read_csv(path) == journal.rows


@pytest.mark.parametrize("samples", [{"blocks": [{"ns": [], "wall_ns": 1}]}, {"turns": [[[1, 2]]]}])
def test_samples_that_no_clock_gave_are_damage(tmp_path: Path, samples: object) -> None:
    journal = written(tmp_path / "results.csv", asked())
    line = json.loads(journal.samples.read_text())
    journal.samples.write_text(json.dumps(line | {"samples": samples}) + "\n")
    with pytest.raises(ZooError, match="is damaged"):
        Journal(journal.path).resume()


def test_a_csv_without_its_samples_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_csv(path, [asked()])
    with pytest.raises(UsageError, match=r"samples\.jsonl is not there"):
        Journal(path).resume()
    assert read_csv(path) == [asked()]


def test_nothing_to_resume_is_a_beginning(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "results.csv")
    journal.resume()
    assert journal.rows == []


def test_lines_are_plain_json(tmp_path: Path) -> None:
    journal = written(tmp_path / "results.csv", asked(reason="Grüße\u2028\n"), samples=SAMPLES)
    (line,) = journal.samples.read_text(encoding="ascii").splitlines()
    assert json.loads(line) == asdict(record(SAMPLES, reason="Grüße\u2028\n"))
