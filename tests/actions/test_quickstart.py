"""`quickstart` ends with images and an accuracy, in its own folder, as often as it is asked."""

import json
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import zoo
from bench.commands.tour import SETTINGS, tour
from bench.measuring.stopping import Length
from bench.measuring.turns import Plan
from bench.sweep.matrix import Preset
from cli import main
from tests.factories import Told
from zoo.actions import quickstart as module
from zoo.actions.quickstart import TRAININGS, Quickstart, quickstart

pytestmark = pytest.mark.usefixtures("one_thread")
FILES = {
    "run.json",
    "weights.safetensors",
    "history.csv",
    "curves.png",
    "test.json",
    "test.html",
    "predictions.csv",
    "confusion.png",
    "predictions.png",
}


# Smaller images, and enough epochs for a network that is sure of what it sees, as the gate for int8
# wants it.
MLP_EPOCHS = 15
SMALL = replace(TRAININGS["mlp"], size=(16, 16), epochs=MLP_EPOCHS)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, batches: tuple[int, ...]) -> None:
    """The command in a few seconds: one network, a glance at its speed."""
    preset = Preset("tiny", Length(0.02, 0.02, 1.0), 1, Plan(2, 0.05), accuracy=True)
    settings = replace(SETTINGS, preset=preset, batches=batches)
    brief = partial(tour, trainings={"mlp": SMALL}, settings=settings)
    monkeypatch.setattr("bench.commands.tour.tour", brief)


def test_it_needs_no_download_and_holds_images_out() -> None:
    assert list(TRAININGS) == ["mlp", "cnn"]
    assert {(one.data, one.validate) for one in TRAININGS.values()} == {("digits", 0.1)}


@dataclass(frozen=True)
class First:
    """What one left in an empty folder, and what it said meanwhile; not to be changed."""

    root: Path  # where it was started
    made: Quickstart
    told: Told


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> First:
    root, told = tmp_path_factory.mktemp("first"), Told()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return First(root, quickstart(Path("here"), told, "mlp", SMALL), told)


def test_it_trains_tests_and_draws_in_its_own_folder(
    first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(first.root)
    made, told = first.made, first.told
    assert [path.name for path in first.root.iterdir()] == ["here"]
    left = {path.name for path in Path("here").iterdir()}
    assert left == {"mlp-digits", "exports", "quickstart.json"}
    found = {path.name for path in made.run.folder.iterdir()}
    assert found - {"mistakes.png"} == FILES
    for name in found:
        if name.endswith(".png"):
            Image.open(made.run.folder / name).load()
    rows = zoo.read_history(made.run.history)
    assert len(rows) == MLP_EPOCHS
    assert all(row.validation_accuracy is not None for row in rows)
    assert made.findings.accuracy.images == 359
    assert made.findings.accuracy.share > 0.8
    assert json.loads((made.run.folder / "test.json").read_text())["id"] == made.findings.id
    assert any("validation" in line for line in told.lines)
    assert made.artifact.folder == Path("here/exports/mlp-digits-16x16")
    assert {check.status for check in made.checks} == {"ok"}


def test_a_second_one_replaces_the_first(first: First, in_folder: Path) -> None:
    shutil.copytree(first.root / "here", "quickstart")
    stale = Path("quickstart/mlp-digits/mistakes.png")
    stale.write_bytes(b"of an earlier time")
    second = quickstart(model="mlp", options=SMALL)
    assert second.run.folder == stale.parent
    assert second.findings.accuracy == first.made.findings.accuracy
    assert len(zoo.read_history(second.run.history)) == MLP_EPOCHS
    assert not stale.exists() or stale.read_bytes() != b"of an earlier time"
    assert [path.name for path in in_folder.iterdir()] == ["quickstart"]


@pytest.mark.parametrize("batches", [SETTINGS.batches])
@pytest.mark.usefixtures("short")
def test_the_command_prints_one_screen(in_folder: Path) -> None:
    done = CliRunner().invoke(main, ["quickstart", "--folder", "q"], catch_exceptions=False)
    assert done.exit_code == 0
    assert len(done.output.splitlines()) <= 24
    shown = ("a few minutes", "of the test images correct", "checks passed", "time / fp32")
    shown += ("mlp-digits-16x16\tint8\t", "page  q/results.html", "next  python cli.py test mlp")
    for expected in shown:
        assert expected in done.stdout.replace("A few", "a few")
    assert "epoch" not in done.output
    assert "<html" in Path("q/results.html").read_text()


@pytest.mark.parametrize("batches", [(64,)])
@pytest.mark.usefixtures("short")
def test_verbose_it_prints_all_that_was_found(in_folder: Path) -> None:
    done = CliRunner().invoke(main, ["quickstart", "--folder", "q", "-v"], catch_exceptions=False)
    assert done.exit_code == 0
    shown = ("accuracy", "359 images", "confusion", "curves.png", "int8.onnx", "verified")
    shown += ("mlp-digits-16x16\tint8\tonnxruntime\tcpu\t64", "Pareto", "results.html")
    for expected in shown:
        assert expected in done.stdout
    assert f"epoch {MLP_EPOCHS}/{MLP_EPOCHS}" in done.stderr
    assert "<html" in Path("q/results.html").read_text()


def test_a_folder_of_something_else_is_refused_and_stays(in_folder: Path) -> None:
    for name in ("results.csv", "mlp-digits/weights.safetensors", "quickstart.json"):
        path = Path("q") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
        done = CliRunner().invoke(main, ["quickstart", "--folder", "q"])
        assert done.exit_code == 2
        assert "Name another --folder" in done.stderr
        assert path.read_text() == "precious"
        (path.parent if path.parent.name == "mlp-digits" else path).rename(in_folder / path.name)


def test_one_that_was_killed_at_its_start_is_in_nobodys_way(in_folder: Path) -> None:
    Path("q").mkdir()
    Path("q/.quickstart.json.12.onnx-zoo.tmp").touch()
    module.claim(Path("q"))
    module.claim(Path("q"))
    assert [path.name for path in Path("q").iterdir()] == ["quickstart.json"]


def test_a_file_in_place_of_its_folder_is_named(in_folder: Path) -> None:
    Path("q").write_text("precious")
    done = CliRunner().invoke(main, ["quickstart", "--folder", "q"])
    assert done.exit_code == 1
    assert "name another" in done.stderr
    assert Path("q").read_text() == "precious"
