"""A slowdown that is not proven: what is said of it, and the commands that settle it."""

import re
import shlex

import click
import pytest

from bench.regression.findings import Comparison
from bench.results.rows import Row
from cli import main
from tests.bench.regression.two_sweeps import QUIET_BASE, Compare, again, cell, changed, twins


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each command that a text proposes."""
    return [shlex.split(found) for found in re.findall(r"python cli\.py ([^&]*?)(?= &&|$)", text)]


def told(found: Comparison) -> str:
    """The only line on how to prove it, which stands wherever a comparison is told."""
    (line,) = found.proofs
    assert f"to prove it: {line}" in found.lines()
    assert "To prove it: " in found.markdown()
    assert found.to_json()["proofs"] == (line,)
    assert (found.breaches, found.exit_code) == ((), 0)
    return line


def check(line: str) -> list[list[str]]:
    """The command line takes every command that is proposed."""
    proposed = commands_in(line)
    for name, *arguments in proposed:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_context(name, list(arguments))
    return proposed


def test_every_time_doubled_is_said_to_be_slower_and_how_to_prove_it(compare: Compare) -> None:
    """The same files on the same runtime: what unchanged rows show is that sweeps differ by 2."""
    found = compare(QUIET_BASE, twins(2, 2, 2, 2, 2))
    assert {row.verdict for row in found.rows} == {
        "2.0x slower, too noisy to prove (same file and runtime)"
    }
    assert (found.inconclusive, found.exit_code) == (5, 0)
    line = told(found)
    bench, compared = check(line)
    assert bench[:4] == ["bench", "still", "--precision", "fp32"]
    assert bench[bench.index("--batch") + 1] == "1,2,3,4,5"
    assert compared[0] == "compare"
    assert compared[2:] == ["again.csv", "--subset"]
    assert compare(QUIET_BASE, twins(2, 2, 2, 2, 2), strict=True).exit_code == 1


def test_a_machine_that_is_proven_to_be_slower_is_named(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5), *twins(1.01, 0.99, 1.01, 0.99, 1.005)])
    assert found.rows[0].verdict == "1.50x slower, by the machine (same file and runtime)"
    assert "so the machine got slower" in told(found)


def test_files_that_are_not_at_hand_are_to_be_compared_in_turns(compare: Compare) -> None:
    found = compare([cell(batch=8)], [changed(1.12, batch=8)], remeasure=lambda *_: None)
    assert found.rows[0].verdict == "1.12x slower, too noisy to prove"
    line = told(found)
    assert "prove slowdowns of about 1.16x or more" in line
    assert check(line) == [
        shlex.split("compare OLD.onnx cnn-digits --precision fp32 --batch 8 --threads 1")
    ]


def test_a_file_of_third_parties_that_moved_has_both_its_paths(compare: Compare) -> None:
    parts = {"precision": "file", "model": None}
    base, new = (
        cell(subject="old/a.onnx", **parts),
        changed(1.12, subject="new dir/a.onnx", **parts),
    )
    line = told(compare([base], [new], remeasure=lambda *_: None))
    assert check(line)[0][:3] == ["compare", "old/a.onnx", "new dir/a.onnx"]


def test_what_was_not_to_be_measured_again_can_be(compare: Compare) -> None:
    assert "Leave out --no-remeasure" in told(compare([cell()], [changed(1.12)]))


def test_what_was_measured_in_turns_is_to_be_measured_longer(compare: Compare) -> None:
    found = compare([cell()], [changed()], remeasure=again(1.2, noise=0.3))
    assert found.rows[0].verdict == "1.20x slower, too noisy to prove"
    (proposed,) = check(told(found))
    assert proposed[-4:] == ["--seconds", "60", "--instances", "20"]


def test_two_runtimes_are_told_apart_from_two_files(compare: Compare) -> None:
    line = told(compare([cell()], [cell(1.12, runtime_version="onnxruntime 1.32.0")]))
    assert "onnxruntime 1.31.1 -> onnxruntime 1.32.0" in line


@pytest.mark.parametrize("new", [changed(2.0, p50_low_ms=None), changed(2.0, p50_low_ms=-0.1)])
def test_a_p50_without_an_interval_is_to_be_measured_longer(compare: Compare, new: Row) -> None:
    found = compare([cell()], [new])
    assert found.rows[0].verdict == "2.0x slower, too noisy to prove"
    assert check(told(found))[0][-2:] == ["--preset", "thorough"]
    assert "x2.00, no interval" in "\n".join(found.lines())


def test_two_machines_prove_nothing(compare: Compare) -> None:
    found = compare([cell()], [changed(3.0, machine="there")], any_machine=True)
    assert found.rows[0].verdict == "not comparable: two machines"
    assert "Measure base and new on one machine" in told(found)


def test_where_nothing_is_left_open_nothing_is_said(compare: Compare) -> None:
    for found in (
        compare(QUIET_BASE, twins(1.01, 0.99, 1.01, 0.99, 1.0)),
        compare([cell()], [changed(1.5)], remeasure=again(1.5)),
        compare([cell()], [changed(1.0)]),
        compare([cell()], [changed(None)]),
    ):
        assert found.proofs == ()
        assert "prove it" not in "\n".join(found.lines()) + found.markdown()


def test_within_the_limit_is_said_only_where_the_interval_is(compare: Compare) -> None:
    found = compare([cell()], [changed()], remeasure=again(1.03))
    assert found.rows[0].verdict == "slower, within the limit"
    found = compare([cell()], [changed()], remeasure=again(1.03, noise=0.02))
    assert found.rows[0].verdict == "inconclusive, limit undecided"
    found = compare(QUIET_BASE, [*twins(1.001), *twins(2, 2, 2, 2, 2)[1:]])
    assert found.rows[0].verdict == "inconclusive (same file and runtime)"
    assert "time unknown" in compare([cell()], [changed(None)]).rows[0].verdict
