"""The table of releases: what is run, what counts as right, and that the cards promise no more."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.versions import table
from tests.versions.table import File, files_of, page, releases, requirements, verdict
from zoo.ort.compatibility import IR_VERSIONS, RUN, oldest_run

PAGE = table.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files(mlp_exports: Path) -> list[File]:
    return files_of(mlp_exports)


def answers_of(file: File, apart: float = 0.0) -> dict[str, object]:
    """As the probe gives them, that far from what is stored."""
    return {
        "1": (file.wanted + apart).tolist(),
        "64": np.concatenate([file.wanted + apart] * 8).tolist(),
    }


def test_every_published_file_is_run_and_an_fp16_one_besides(files: list[File]) -> None:
    assert [file.title for file in files] == [f"mlp-digits {p}" for p in ("fp16", "fp32", "int8")]
    assert all(len(file.images) == len(file.wanted) == 8 for file in files)


def test_releases_are_the_oldest_promised_those_between_and_the_installed(
    files: list[File],
) -> None:
    assert releases(files, "1.31.1") == ["1.17", "1.20", "1.22", "1.24", "1.25", "1.31.1"]
    card = files[0].artifact.card
    older = {name: replace(file, min_onnxruntime="1.9") for name, file in card.precisions.items()}
    artifact = replace(files[0].artifact)
    artifact.__dict__["card"] = replace(card, precisions=older)
    assert releases([replace(files[1], artifact=artifact)], "1.25")[0] == "1.9"


@pytest.mark.parametrize(
    ("release", "wanted"),
    [
        ("1.17", ["onnxruntime==1.17.*", "numpy<2"]),
        ("1.20", ["onnxruntime==1.20.*", "numpy"]),
        ("1.31.1", ["onnxruntime==1.31.1", "numpy"]),
    ],
)
def test_the_last_of_a_release_is_installed_with_a_numpy_it_knows(
    release: str, wanted: list[str]
) -> None:
    assert requirements(release) == wanted


def test_right_is_what_verify_takes_for_right(files: list[File]) -> None:
    fp16, fp32, int8 = files
    assert verdict(fp32, answers_of(fp32)) == "ok, 0"
    assert verdict(fp32, answers_of(fp32, 0.1)) == (
        "**wrong**: batch 1: 8 of 8 images get the same class, 0.1 away; "
        "batch 64: 64 of 64 images get the same class, 0.1 away"
    )
    assert verdict(int8, answers_of(int8, 1e-3)) == "ok, 0.001"
    assert verdict(fp16, answers_of(fp16, 0.1)) == "ok, 0.1"
    mixed = answers_of(int8, 9e-6) | {"64": answers_of(int8, 1e-5)["64"]}
    assert verdict(int8, mixed) == "ok, 1e-05"
    turned = {"1": np.roll(fp16.wanted, 1, axis=1).tolist()}
    assert verdict(fp16, turned).startswith("**wrong**: batch 1: 0 of 8")
    nan = {"1": np.full_like(fp32.wanted, np.nan).tolist()}
    assert verdict(fp32, nan).startswith("**wrong**")
    assert verdict(fp32, {"problem": "no kernel"}) == "**fails**: no kernel"


def test_the_probe_answers_for_each_file(files: list[File], tmp_path: Path) -> None:
    for number, file in enumerate(files):
        (tmp_path / f"{number}.onnx").write_bytes(file.content)
        np.savez(tmp_path / f"{number}.npz", images=file.images)
    (tmp_path / "3.onnx").write_bytes(b"no file")
    np.savez(tmp_path / "3.npz", images=files[0].images)
    probe = Path(table.__file__).with_name("probe.py")
    done = subprocess.run(
        [sys.executable, probe, tmp_path], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert [verdict(file, found["files"][str(n)])[:2] for n, file in enumerate(files)] == ["ok"] * 3
    assert "problem" in found["files"]["3"]
    text = page(files, {"1.9": {"problem": "not installed: none"}, "now": found}, "2026-01-02")
    assert text.startswith("# The published files in releases of onnxruntime\n\nRun on 2026-01-02")
    assert f"| file | 1.9 | {found['versions']['onnxruntime']} |" in text
    assert "| mlp-digits fp32 | **fails**: not installed: none | ok, " in text


def test_the_page_says_what_it_was_run_on_and_what_it_does_not_prove() -> None:
    words = " ".join(PAGE.split())
    assert re.search(r"Run on \d{4}-\d\d-\d\d by `tox -e versions`, on .+ \(CPU features: ", words)
    assert "no AMX, so the table proves nothing about CPUs with AMX" in words


def test_what_cards_promise_was_run() -> None:
    """Every release that a card may name is a column of the page, and right in every row."""
    heads, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("|")
    ]
    columns = {".".join(head.split(".")[:2]): at for at, head in enumerate(heads)}
    for precision, run in RUN.items():
        ours = [row for row in rows if row[0].endswith(f" {precision}")]
        assert len(ours) == len(table.list_artifacts(table.ROOT / "exports"))
        for release in run:
            assert all(row[columns[release]].startswith("ok") for row in ours)
    assert {oldest_run(opset, IR_VERSIONS[opset], "int8") for opset in IR_VERSIONS} <= set(
        RUN["int8"]
    )
