"""A comparison is told in lines, in markdown and in JSON, all of it and harmlessly."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.regression.compare_results import compare_results
from bench.results.results_file import write_csv
from tests.bench.regression.two_sweeps import (
    ERRORS,
    RATIOS,
    Compare,
    accurate,
    again,
    cell,
    changed,
)


def test_markdown_begins_with_the_summary_and_escapes(compare: Compare) -> None:
    evil = "a|b<img src=x>`@you`\n# [x](y)"
    base = [cell(subject=evil, model=None), cell(batch=2)]
    new = [changed(1.5, subject=evil, model=None), cell(batch=2)]
    text = compare(base, new, remeasure=again(1.5)).markdown()
    assert text.startswith("**Benchmark: 1 proven breach, 2 rows compared, 0 inconclusive")
    assert text.isascii() or "�" in text
    assert "<img" not in text
    assert "@you" not in text
    assert "](y)" not in text.replace("\\](y)", "")
    cells = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in cells} == {7}
    assert text.count("<details>") == text.count("</details>") == 2


def test_lines_hold_everything_and_steer_no_terminal(compare: Compare) -> None:
    base = [cell(subject="\x1b[2Jx", model=None), accurate(cell(batch=2), 9000), cell(batch=4)]
    new = [changed(subject="\x1b[2Jx", model=None), accurate(changed(batch=2), 9000)]
    found = compare(base, new, remeasure=again(1.0, 1.2))
    text = "\n".join(found.lines())
    assert "\x1b" not in text
    assert found.summary in found.lines()[0]
    assert "BREACH slower: cnn fp32, batch 2: x1.200 (1.1" in text
    assert "removed  cnn fp32, batch 4" in text
    assert "accuracy of cnn fp32, batch 2: shares only" in text


def test_json_holds_everything(compare: Compare) -> None:
    found = compare([accurate(cell(), 9000)], [accurate(changed(), 8000)])
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["exit_code"] == 1
    assert told["inconclusive"] == 1
    assert told["rows"][0]["accuracy"]["drop"] == pytest.approx(10)
    assert told["rows"][0]["inconclusive"] == ["time"]
    assert told["breaches"][0]["kind"] == "accuracy"


@settings(max_examples=50)
@given(
    p50s=st.lists(st.tuples(RATIOS, RATIOS, ERRORS), min_size=1, max_size=8),
    same=st.booleans(),
    correct=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_whatever_was_measured_can_be_told(
    tmp_path_factory: pytest.TempPathFactory,
    p50s: list[tuple[float, float, float]],
    same: bool,
    correct: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("any")
    make = cell if same else changed
    base = [accurate(cell(a, e, batch=n), correct[0], 100) for n, (a, _, e) in enumerate(p50s)]
    new = [accurate(make(b, e, batch=n), correct[1], 100) for n, (_, b, e) in enumerate(p50s)]
    write_csv(folder / "base.csv", base)
    write_csv(folder / "new.csv", new)
    forth = compare_results(folder / "base.csv", folder / "new.csv")
    back = compare_results(folder / "new.csv", folder / "base.csv")
    assert not {one.what for one in forth.breaches} & {one.what for one in back.breaches}
    for found in (forth, back):
        json.dumps(found.to_json(), allow_nan=False)
        assert len(found.lines()) >= 2 + len(p50s)
        assert found.markdown().endswith("\n")
