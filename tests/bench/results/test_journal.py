"""Each finished cell is kept for good: rows and samples come back, also after a crash."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.results.journal import Journal, read_samples
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import FORMER_NAMES, SCHEMA, Row
from bench.results.samples import Block, Samples
from tests.factories import asked
from zoo.errors import UsageError, ZooError

SAMPLES = Samples(
    blocks=[Block([1, 2, 3], 7, "others", {"steal_share": 0.5, "clock_mhz": None})],
    floor_ns=[1, 2],
    turns=[[[1, 2, 3, 4]]],
    unpaired="it hung",
    starts=[{"cold": 3, "load": 2, "first": 1}],
)


def written(path: Path, *rows: Row) -> Journal:
    journal = Journal(path)
    for one in rows:
        journal.add(one, SAMPLES)
    return journal


def test_rows_and_samples_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.csv"
    written(path, asked(p50_ms=1.5), asked(batch=2, cell="c2"))
    assert read_csv(path) == [asked(p50_ms=1.5), asked(batch=2, cell="c2")]
    assert read_samples(path) == {"c1": SAMPLES, "c2": SAMPLES}


def test_samples_of_before_pairing_had_a_reason_come_back(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked())
    line = json.loads(journal.samples.read_text())
    del line["samples"]["unpaired"]
    journal.samples.write_text(json.dumps(line) + "\n")
    assert read_samples(path) == {"c1": replace(SAMPLES, unpaired="")}


def test_resuming_takes_up_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first = written(path, asked(p50_ms=math.pi), asked(batch=2))
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
    again.add(asked(batch=3), SAMPLES)
    assert [one.batch for one in read_csv(path)] == [1, 3]


def test_a_row_that_the_csv_lacks_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, asked(), asked(batch=2))
    write_csv(path, [asked()])  # killed between the two files
    Journal(path).resume()
    assert len(read_csv(path)) == 2


def test_what_a_row_learned_later_stays(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked(when="now"))
    journal.rows[0].break_even_calls = 7
    journal.add(asked(batch=2), SAMPLES)
    again = Journal(path)
    again.resume()
    assert [one.break_even_calls for one in again.rows] == [7, None]
    assert again.rows == read_csv(path)


def test_a_cell_that_is_measured_again_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    written(path, asked(status="failed", reason="late"), asked(batch=2), asked(p50_ms=1.0))
    assert read_csv(path) == [asked(p50_ms=1.0), asked(batch=2)]
    again = Journal(path)
    again.resume()
    assert again.rows == [asked(p50_ms=1.0), asked(batch=2)]


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
    written(path, replace(asked(), schema=SCHEMA + 1))
    with pytest.raises(ZooError, match=f"schema {SCHEMA + 1}"):
        Journal(path).resume()


@pytest.mark.parametrize("schema", FORMER_NAMES)
def test_a_sweep_of_an_older_schema_is_gone_on_with_in_the_columns_of_today(
    tmp_path: Path, schema: int
) -> None:
    path = tmp_path / "results.csv"
    journal = written(path, asked(runtime_version="onnxruntime 1.31.1", when="now"))
    of_today = path.read_text(), journal.samples.read_text()

    def as_it_was() -> None:
        for file, text in zip((path, journal.samples), of_today, strict=True):
            for former, name in FORMER_NAMES[schema].items():
                text = text.replace(name, former)
            text = text.replace(f'"schema": {SCHEMA}', f'"schema": {schema}')
            file.write_text(text.replace(f",{SCHEMA}\n", f",{schema}\n"))
        assert of_today[0] not in path.read_text()

    as_it_was()
    assert read_samples(path) == {"c1": SAMPLES}
    again = Journal(path)
    (note,) = again.resume()
    assert f"had schema {schema}" in note
    assert "column engine is runtime_version" in note
    assert again.rows == journal.rows
    assert (path.read_text(), journal.samples.read_text()) == of_today
    assert Journal(path).resume() == []


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
    journal = written(tmp_path / "results.csv", asked(reason="Grüße\u2028\n"))
    (line,) = journal.samples.read_text(encoding="ascii").splitlines()
    assert Row(**json.loads(line)["row"]) == asked(reason="Grüße\u2028\n")
    assert json.loads(line)["samples"] == asdict(SAMPLES)
