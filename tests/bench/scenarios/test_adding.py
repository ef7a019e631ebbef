"""docs/how-to/adding-a-scenario.md: its code is a scenario, and nothing else has to know of it."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.regression.limits import name_of
from bench.results.journal import Journal
from bench.results.recompute import recompute
from bench.results.results_file import read_csv
from bench.results.rows import OK, Row
from bench.results.summary import summarise
from bench.results.wording import Names
from bench.scenarios.registry import SCENARIOS
from tests.factories import samples_of

Sweep = Callable[..., Any]
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "adding-a-scenario.md").read_text(encoding="utf-8")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's first code, entered as the page says."""
    code = re.search(r"^## 1\..*?\n\n((?: {4}.*\n|\n)+)", PAGE, re.MULTILINE)
    assert code is not None
    module: dict[str, Any] = {"__name__": "idle"}
    exec(textwrap.dedent(code[1]), module)
    monkeypatch.setitem(SCENARIOS, "idle", module["Idle"]())
    return "idle"


def check(row: Row, out: Path) -> None:
    """The figures are those of the calls, without the pauses."""
    assert (row.scenario, row.status, row.batch) == ("idle", OK, 3)
    assert row.ratio is row.reference is row.unpaired is None
    blocks = samples_of(out)[row.cell].blocks
    assert row.n == row.blocks == len(blocks) > 1
    assert all(block.wall_ns >= 2_000_000 for block in blocks)
    calls = sum(block.ns[0] for block in blocks)
    assert row.images_per_second == pytest.approx(3 * len(blocks) / (calls / 1e9))


def test_it_goes_through_a_sweep_its_rows_and_resume(
    idle: str, sweep_of: Sweep, tiny_onnx: Any, started: list[str]
) -> None:
    options: dict[str, Any] = {"scenario": idle, "batches": (3,)}
    found = sweep_of(tiny_onnx(), **options)
    (row,) = found.rows
    check(row, found.out)
    journal = Journal(found.out)
    journal.load()
    assert journal.rows == read_csv(found.out) == [row]
    assert recompute(found.out).differing == ()
    started.clear()
    again = sweep_of(tiny_onnx("other.onnx"), tiny_onnx(), resume=True, **options)
    assert {name.split()[0] for name in started} == {"other.onnx"}
    assert again.rows[0] == row


def test_readers_take_it_like_any_other(idle: str, sweep_of: Sweep, tiny_onnx: Any) -> None:
    found = sweep_of(tiny_onnx(), scenario=idle, batches=(3,))
    summary = summarise(found.rows)
    assert [answer.question.scenario for answer in summary.answers] == ["idle"]
    assert summary.peaks == ()
    assert name_of(found.rows[0], Names.of(found.rows)).endswith(", idle")
