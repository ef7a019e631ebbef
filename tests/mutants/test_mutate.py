"""What is changed in a module, and that a sample of it is the same again."""

import ast
from pathlib import Path

import pytest

from tests.mutants.excused import EXCUSED
from tests.mutants.mutate import mutants_of
from tests.mutants.sample import ROOT, TARGETS, copied, main, own_tests, sampled, targets


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("x = a + b", ["x = a - b"]),
        ("x += a", ["x -= a"]),
        ("x = a < b", ["x = a >= b", "x = a <= b"]),
        ("x = a is None", ["x = a is not None"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = -a", ["x = a"]),
        ("x = 3", ["x = 4"]),
        ("x = 0.5", ["x = 1.0"]),
        ("x = 0.0", ["x = 1.0"]),
        ("x = True", ["x = False"]),
        ("x = a if b else c", ["x = a if not b else c"]),
        ("remove(a)", ["pass"]),
        ("return a", ["return None"]),
        ("return False", ["return True"]),
        ("return None", []),
        ("x: int | None = a", []),
        ("x = 'text'", []),
        ("x = f'{1 + a}'", []),
        ("assert a < b", []),
        ('"""A docstring."""', []),
    ],
)
def test_each_change_is_made_by_itself(line: str, made: list[str]) -> None:
    assert [mutant.source for mutant in mutants_of(line)] == made


def test_a_change_is_told_by_line_and_function() -> None:
    source = (
        "def f(a: int | None) -> int | None:\n    if a:\n        return a[1]\n    return None\n"
    )
    found = mutants_of(source)
    assert [(mutant.line, mutant.change) for mutant in found] == [
        (2, "f: if a: -> if not a:"),
        (3, "f: return a[1] -> return None"),
        (3, "f: a[1] -> a[2]"),
    ]
    assert all(ast.parse(mutant.source) for mutant in found)
    assert ast.unparse(ast.parse(source)) not in {mutant.source for mutant in found}


def test_a_seed_gives_one_sample_and_another_another() -> None:
    module = "zoo/marks.py"
    samples = [[m.change for m in sampled(module, 10, seed)] for seed in (0, 0, 1)]
    assert samples[0] == samples[1] != samples[2]
    assert [len(sample) for sample in samples] == [10, 10, 10]


def test_every_module_that_is_named_is_there_and_has_tests() -> None:
    found = targets(TARGETS)
    assert "tests/test_marks.py" in own_tests("zoo/marks.py")
    assert all(own_tests(module) for module in found)
    with pytest.raises(SystemExit, match=r"there is no zoo/nothing\.py"):
        targets(["zoo/nothing.py"])


def test_what_is_excused_is_still_a_mutant() -> None:
    for module, change, reason in EXCUSED:
        source = (ROOT / module).read_text(encoding="utf-8")
        assert change in {mutant.change for mutant in mutants_of(source)}, change
        assert reason


@pytest.mark.parametrize(("body", "code"), [("found > 2", 1), ("found == 3", 0)])
def test_a_mutant_that_tests_overlook_is_told_and_is_exit_1(
    body: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "exports").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "zoo" / "sums.py").write_text("def three():\n    return 1 + 2\n")
    (tmp_path / "tests" / "test_sums.py").write_text(
        f"from zoo.sums import three\n\ndef test_three():\n    found = three()\n    assert {body}\n"
    )
    monkeypatch.setattr("tests.mutants.sample.ROOT", tmp_path)
    monkeypatch.setattr("tests.mutants.sample.COPIED", ("zoo", "tests"))
    before = (tmp_path / "zoo" / "sums.py").read_text()
    assert main(["zoo/sums.py"]) == code
    told = capsys.readouterr().out
    assert ("zoo/sums.py:2 three: 1 + 2 -> 2 + 2" in told) == (code == 1)
    assert (tmp_path / "zoo" / "sums.py").read_text() == before
    with copied() as root:
        assert (root / "zoo" / "sums.py").exists()
    assert not root.exists()
