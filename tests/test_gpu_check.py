"""scripts/gpu_check.sh: what it does without a GPU, and that it ends in time with one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_commands import understood

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "gpu_check.sh"
TEXT = SCRIPT.read_text().replace("\\\n", " ")
NAMES = ("doctor", "train", "test", "captured", "captured_test", "bench", "tests", "hidden")
NAMES += ("export", "runtimes", "graphs")
PARTS = re.findall(r"^(?:\S+='' )?zoo (\w+) (\d+) (\d) \d+ (.+)", TEXT, re.M)


def run(out: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    variables = os.environ | {"PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""} | environment
    return subprocess.run(
        ["bash", SCRIPT, out], env=variables, capture_output=True, text=True, check=False
    )


def test_without_a_gpu_it_ends_at_a_refusal_that_names_the_cause(tmp_path: Path) -> None:
    done = run(tmp_path / "out")
    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search(r"--provider cuda cannot run here with onnxruntime: \w+.{10,}", done.stdout)
    assert [path.name for path in (tmp_path / "out/logs").iterdir()] == ["doctor.log"]


@pytest.mark.parametrize(
    ("fails", "code", "last"),
    [("nothing", 0, "s in all; rows and logs in"), ("train", 1, "failed: train captured hidden")],
)
def test_every_part_is_begun_and_those_that_failed_are_named(
    tmp_path: Path, fails: str, code: int, last: str
) -> None:
    """With a Python that only pretends; where training fails, hiding the GPU is no refusal."""
    pretended = tmp_path / "python"
    pretended.write_text(
        "#!/usr/bin/env bash\n"
        f'[[ $1 == - ]] && exec {sys.executable} "$@"\n'
        f"[[ $2 == {fails} ]] && exit 1\n"
        "[[ -z ${CUDA_VISIBLE_DEVICES-shown} && "
        f"{fails} == nothing ]] && exit 3\n"
        "exit 0\n"
    )
    pretended.chmod(0o755)
    done = run(tmp_path / "out", PYTHON=str(pretended), CUDA_VISIBLE_DEVICES="0")
    assert done.returncode == code, done.stdout + done.stderr
    begun = re.findall(r"^== (\w+): exit (\d)", done.stdout, re.M)
    names = [name for name, _ in begun]
    assert names == [*NAMES]
    assert last in done.stdout.splitlines()[-1]


def test_it_stays_within_its_eight_minutes() -> None:
    limits = re.findall(r"^ *(?:\S+='' )?(?:zoo|part) (\w+) (\d+) ", TEXT, re.M)
    assert [name for name, _ in limits] == [*NAMES]
    assert sum(int(limit) for _, limit in limits) <= 480
    assert "all=480 " in TEXT


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0])
def test_its_commands_are_understood(part: tuple[str, ...]) -> None:
    words = re.sub(r"\$\w+", "x", part[3].replace('"', "")).split()
    understood(words)
    assert part[2] == ("3" if part[0] == "hidden" else "0")


def test_tests_whose_packages_are_missing_are_left_out_with_a_line(tmp_path: Path) -> None:
    body = re.search(r"^with_packages\(\).*?^\}$", TEXT, re.M | re.S)
    assert body is not None
    (tmp_path / "test_a.py").write_text("import os, json\nfrom numpy import array\n")
    (tmp_path / "test_b.py").write_text("import json\nfrom not_here.at_all import thing\n")
    script = f"python={sys.executable}\n{body[0]}\nwith_packages test_a.py test_b.py"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "test_a.py\n"
    assert done.stderr == "   test_b.py left out: not_here not installed\n"
