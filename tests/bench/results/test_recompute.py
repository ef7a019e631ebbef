"""A CSV and its raw samples say the same, or it is told which cell does not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.samples import Block, Samples, Start
from bench.results.files import beside
from bench.results.journal import Journal
from bench.results.recompute import recompute
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import FORMER_NAMES
from tests.bench.results.test_journal import older
from tests.factories import record
from zoo.errors import ZooError

KEPT = Path(__file__).parents[3] / "docs" / "results"
SAMPLES = Samples(blocks=[Block([1000, 2000], 3500)], starts=[Start(9, 8, 7)])


def swept_once(path: Path) -> Journal:
    journal = Journal(path)
    for batch in (1, 2):
        journal.add(record(SAMPLES, batch=batch, cell=f"c{batch}"))
    return journal


def test_a_real_sweep_says_what_its_samples_say(swept: Any) -> None:
    found = recompute(swept.out)
    assert (found.rows, found.differing, found.notes) == (len(swept.rows), (), ())
    assert found.lines()[0].endswith("recomputed from the raw samples, all agree")


def test_a_figure_that_was_changed_is_named_with_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first, second = swept_once(path).rows
    write_csv(path, [first, replace(second, p50_ms=1.0, withheld=None)])
    (line,) = recompute(path).differing
    assert line.startswith("cnn-digits fp32, batch 2 (c2): p50_ms is 1.0, recomputed 0.0015, ")
    assert "withheld is empty, recomputed interval of p50" in line
    assert "1 differ" in recompute(path).lines()[0]


def test_the_last_digits_are_the_library_s(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first, second = swept_once(path).rows
    write_csv(path, [replace(first, p50_ms=0.0015 * (1 + 1e-12)), second])
    assert recompute(path).differing == ()


def test_rows_that_only_one_of_both_holds_are_named(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    first, second = swept_once(path).rows
    write_csv(path, [first, replace(second, batch=3)])
    assert [line.partition("): ")[2] for line in recompute(path).differing] == [
        "it has no raw samples",
        "it is not in the CSV",
    ]


@pytest.mark.parametrize("schema", FORMER_NAMES)
def test_what_older_files_do_not_hold_raw_is_told(tmp_path: Path, schema: int) -> None:
    path = tmp_path / "results.csv"
    journal = Journal(path)
    journal.samples.write_text("".join(older(schema)))
    journal.load()
    write_csv(path, journal.rows)
    found = recompute(path)
    assert found.differing == ()
    assert found.notes[0].startswith(f"schema {schema}: steady, rerun, wrong_answers, new_shape_ms")
    assert json.loads(journal.samples.read_text().splitlines()[0])["row"]["schema"] == schema


@pytest.mark.parametrize("kept", sorted(KEPT.glob("*.csv")), ids=lambda path: path.name)
def test_results_that_are_kept_agree_or_lack_their_samples(kept: Path, tmp_path: Path) -> None:
    assert read_csv(kept)
    if beside(kept, "samples.jsonl").exists():
        assert recompute(kept).differing == ()
        return
    path = Path(shutil.copy(kept, tmp_path))
    with pytest.raises(ZooError, match=r"raw samples are not beside it, as .*samples\.jsonl"):
        recompute(path)
