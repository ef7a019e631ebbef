"""Who may import whom: cli -> bench -> zoo, never back; and what must stay light."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "torchvision", "onnx", "onnxruntime", "pandas", "sklearn", "matplotlib", "rich"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports anywhere, with the names taken from it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides what it means"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reaches(path: Path, *forbidden: str) -> list[str]:
    return [
        name
        for name in sorted(imports_of(path))
        if any(name == room or name.startswith(f"{room}.") for room in forbidden)
    ]


def test_the_rooms_are_found() -> None:
    assert len(modules("zoo")) > 10
    assert reaches(ROOT / "zoo/frameworks/pytorch/loop.py", "zoo.specs.recipe") != []


@pytest.mark.parametrize("path", modules("zoo"), ids=str)
def test_zoo_knows_neither_bench_nor_the_command_line(path: Path) -> None:
    assert reaches(path, "bench", "cli") == []


@pytest.mark.parametrize("path", modules("bench"), ids=str)
def test_bench_does_not_know_the_command_line(path: Path) -> None:
    assert reaches(path, "cli") == []


@pytest.mark.parametrize("path", modules("zoo/models"), ids=str)
def test_models_know_nothing_of_files_devices_or_progress(path: Path) -> None:
    rooms = (
        "zoo.files",
        "zoo.progress",
        "zoo.data",
        "zoo.frameworks.pytorch",
        "zoo.drawing.plots",
        "pathlib",
        "os",
    )
    assert reaches(path, *rooms) == []


def test_only_training_and_exporting_read_runs() -> None:
    readers = {
        path.relative_to(ROOT).parts[1] for path in modules("zoo") if reaches(path, "zoo.runs.run")
    }
    assert readers <= {"training", "exporting", "tour.py"}


@pytest.mark.parametrize("path", [*modules("zoo"), *modules("bench")], ids=str)
def test_only_one_module_opens_onnxruntime_sessions(path: Path) -> None:
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    names |= {name.rpartition(".")[2] for name in imports_of(path)}
    assert ("InferenceSession" in names) == (path == ROOT / "zoo/ort/session.py")
    assert not names & {"create_calibrator", "quantize_static"}  # they open their own


@pytest.mark.parametrize("path", modules("zoo/data"), ids=str)
def test_data_stands_on_its_own(path: Path) -> None:
    assert reaches(path, "zoo.frameworks.pytorch", "zoo.models", "zoo.specs.catalog") == []


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    paths = [ROOT / "cli.py", *modules("zoo"), *modules("bench")]
    names = {name.partition(".")[0] for path in paths for name in imports_of(path)}
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        name
        for name in names - sys.stdlib_module_names - {"zoo", "bench", "cli"}
        if not declared & {owner.lower().replace("_", "-") for owner in owners[name]}
    }
    assert undeclared == set()


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\n"
        "sys.argv[0] = 'cli.py'\n"
        "import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert loaded & (HEAVY | {"numpy", "PIL"}) == set()


def test_importing_the_data_room_stays_light() -> None:
    code = "import sys, zoo.data; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & HEAVY == set()
