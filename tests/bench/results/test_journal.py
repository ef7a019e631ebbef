"""Each finished cell is kept for good: rows and samples come back, also after a crash."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bench.results.journal import Journal, read_samples
from bench.results.rows import SCHEMA, Block, Row, Samples, read_csv, write_csv
from zoo.errors import UsageError, ZooError

SAMPLES = Samples(
    blocks=[Block([1, 2, 3], 7, "others", {"steal_share": 0.5, "clock_mhz": None})],
    floor_ns=[1, 2],
    turns=[[[1, 2, 3, 4]]],
    unpaired="it hung",
    starts=[{"cold": 3, "load": 2, "first": 1}],
)


def row(**parts: Any) -> Row:
    return Row(**({"subject": "cnn", "runtime": "onnxruntime", "cell": "c1"} | parts))


def written(path: Path, *rows: Row) -> Journal:
    journal = Journal(path)
    for one in rows:
        journal.add(one, SAMPLES)
    return journal


def test_rows_and_samples_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.csv"
    written(path, row(p50_ms=1.5), row(batch=2, cell="c2"))
    assert read_csv(path) == [row(p50_ms=1.5), row(batch=2, cell="c2")]
    assert read_samples(path) == {"c1": SAMPLES, "c2": SAMPLES}


def test_samples_of_before_pairing_had_a_reason_come_back(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, row())
    line = json.loads(journal.samples.read_text())
    del line["samples"]["unpaired"]
    journal.samples.write_text(json.dumps(line) + "\n")
    assert read_samples(path) == {"c1": replace(SAMPLES, unpaired="")}


def test_resuming_takes_up_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first = written(path, row(p50_ms=math.pi), row(batch=2))
    again = Journal(path)
    again.resume()
    assert again.rows == first.rows


def test_a_line_it_died_in_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, row(), row(batch=2))
    whole = journal.samples.read_text()
    journal.samples.write_text(whole[:-40])
    again = Journal(path)
    again.resume()
    assert again.rows == [row()]
    assert journal.samples.read_text() == whole.splitlines(keepends=True)[0]
    assert read_csv(path) == [row()]
    again.add(row(batch=3), SAMPLES)
    assert [one.batch for one in read_csv(path)] == [0, 3]


def test_a_row_that_the_csv_lacks_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, row(), row(batch=2))
    write_csv(path, [row()])  # killed between the two files
    Journal(path).resume()
    assert len(read_csv(path)) == 2


def test_what_a_row_learned_later_stays(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, row(when="now"))
    journal.rows[0].break_even_calls = 7
    journal.add(row(batch=2), SAMPLES)
    again = Journal(path)
    again.resume()
    assert [one.break_even_calls for one in again.rows] == [7, None]
    assert again.rows == read_csv(path)


def test_a_cell_that_is_measured_again_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, row(status="failed", reason="late"), row(batch=2), row(p50_ms=1.0))
    assert read_csv(path) == [row(p50_ms=1.0), row(batch=2)]
    again = Journal(path)
    again.resume()
    assert again.rows == [row(p50_ms=1.0), row(batch=2)]


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"row": {"colour": 1}}', "[]"])
def test_a_damaged_line_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, row())
    with journal.samples.open("a") as handle:
        handle.write(f"{line}\n")
    with pytest.raises(ZooError, match="is damaged"):
        Journal(path).resume()


def test_samples_of_another_schema_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, replace(row(), schema=SCHEMA + 1))
    with pytest.raises(ZooError, match=f"schema {SCHEMA + 1}"):
        Journal(path).resume()


def test_a_csv_without_its_samples_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_csv(path, [row()])
    with pytest.raises(UsageError, match=r"samples\.jsonl is not there"):
        Journal(path).resume()
    assert read_csv(path) == [row()]


def test_nothing_to_resume_is_a_beginning(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "results.csv")
    journal.resume()
    assert journal.rows == []


def test_lines_are_plain_json(tmp_path: Path) -> None:
    journal = written(tmp_path / "results.csv", row(reason="Grüße\u2028\n"))
    (line,) = journal.samples.read_text(encoding="ascii").splitlines()
    assert Row(**json.loads(line)["row"]) == row(reason="Grüße\u2028\n")
    assert json.loads(line)["samples"] == asdict(SAMPLES)
