"""The rules of the layout, proven by walking every import: who may know whom, and what stays light.

docs/explanation/architecture.md says why.
"""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "torchvision", "onnx", "onnxruntime", "pandas", "sklearn", "matplotlib", "rich"}
HEAVY |= {"keras", "openvino", "jax", "flax", "optax"}
FRAMEWORKS = {"torch": "pytorch", "torchvision": "pytorch", "sklearn": "sklearn"}
FRAMEWORKS |= {"keras": "keras", "openvino": "openvino"}
FRAMEWORKS |= {"jax": "jax", "flax": "jax", "optax": "jax"}
# Where a framework may be imported: folders and files.
ALLOWED = {
    "pytorch": {
        *("zoo/frameworks/pytorch", "zoo/models", "zoo/transfer"),
        *("zoo/machine/devices.py", "zoo/data/download.py", "bench/runtimes/torch.py"),
        "zoo/frameworks/keras/convert.py",
    },
    "sklearn": {"zoo/frameworks/sklearn", "zoo/data/digits.py", "bench/runtimes/sklearn.py"},
    "keras": {"zoo/frameworks/keras/backend.py"},
    "jax": {"zoo/frameworks/jax/backend.py", "zoo/frameworks/jax/optimizer.py"},
    "openvino": {"bench/runtimes/openvino.py"},
}
MOST_LOOSE = {"zoo": 12, "bench": 6}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


EVERYTHING = [ROOT / "cli.py", *modules("zoo"), *modules("bench")]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    return place(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


NAMES = {module_name(path): path for path in EVERYTHING}


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports anywhere, with the names taken from it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides what it means"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def reaches(path: Path, *forbidden: str) -> list[str]:
    return [
        name
        for name in sorted(imports_of(path))
        if any(name == room or name.startswith(f"{room}.") for room in forbidden)
    ]


def neighbours(path: Path) -> set[str]:
    """The modules of this project that a file imports; a package only for names of its own."""
    found = set()
    for name in imports_of(path):
        package = name.rpartition(".")[0]
        if name in NAMES and not any(
            other in NAMES and other.rpartition(".")[0] == name for other in imports_of(path)
        ):
            found.add(name)
        elif package in NAMES and name not in NAMES:
            found.add(package)
    return found - {module_name(path)}


def room_of(module: str) -> str:
    """The folder directly below `zoo` or `bench` that a module stands in, or itself if loose."""
    return ".".join(module.split(".")[:2])


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The way round a circle, or nothing where there is none."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for further in sorted(arrows.get(node, set())):
            if found := walk(further, [*way, node]):
                return found
        done.add(node)
        return []

    for start in sorted(arrows):
        if found := walk(start, []):
            return found
    return []


def arrows_of_files() -> dict[str, set[str]]:
    # The two packages' own faces name everything that they offer, and load it when it is asked for.
    return {
        module_name(p): neighbours(p)
        for p in EVERYTHING
        if place(p).count("/") != 1 or p.stem != "__init__"
    }


def test_the_walk_finds_imports_and_circles() -> None:
    arrows = arrows_of_files()
    assert len(arrows) > 100
    assert "zoo.frameworks.pytorch.job" in arrows["zoo.frameworks.pytorch.loop"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_circle_of_files() -> None:
    assert circle(arrows_of_files()) == []


def test_no_circle_of_folders() -> None:
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, others in arrows_of_files().items():
        rooms[room_of(module)] |= {room_of(other) for other in others} - {room_of(module)}
    assert circle(rooms) == []


@pytest.mark.parametrize("path", modules("zoo"), ids=place)
def test_zoo_knows_neither_bench_nor_the_command_line(path: Path) -> None:
    assert reaches(path, "bench", "cli") == []


@pytest.mark.parametrize("path", modules("bench"), ids=place)
def test_bench_does_not_know_the_command_line(path: Path) -> None:
    assert reaches(path, "cli") == []


@pytest.mark.parametrize("folder", MOST_LOOSE)
def test_few_modules_lie_loose_and_each_is_a_leaf(folder: str) -> None:
    loose = [path for path in (ROOT / folder).glob("*.py") if path.stem != "__init__"]
    assert len(loose) <= MOST_LOOSE[folder]
    names = {module_name(path) for path in loose}
    for path in loose:
        assert {n for n in neighbours(path) if n not in names} == set(), place(path)


@pytest.mark.parametrize("path", EVERYTHING, ids=place)
def test_frameworks_are_imported_in_their_own_places(path: Path) -> None:
    for package, framework in FRAMEWORKS.items():
        if reaches(path, package):
            here = place(path)
            allowed = any(here == a or here.startswith(f"{a}/") for a in ALLOWED[framework])
            assert allowed, f"{here} imports {package}"


@pytest.mark.parametrize("path", modules("zoo/models"), ids=place)
def test_models_know_nothing_of_files_devices_or_progress(path: Path) -> None:
    allowed = {"zoo.specs", "zoo.errors", "zoo.models"}
    assert {n for n in neighbours(path) if room_of(n) not in allowed} == set()
    assert reaches(path, "pathlib", "os", "io", "sys") == []


@pytest.mark.parametrize("path", modules("zoo/data"), ids=place)
def test_data_stands_on_its_own(path: Path) -> None:
    rooms = {room_of(name) for name in neighbours(path)}
    leaves = {name for name in rooms if NAMES[name].stem != "__init__"}
    assert rooms - leaves <= {"zoo.data", "zoo.machine"}


@pytest.mark.parametrize("path", EVERYTHING, ids=place)
def test_only_one_module_opens_onnxruntime_sessions(path: Path) -> None:
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    names |= {name.rpartition(".")[2] for name in imports_of(path)}
    assert ("InferenceSession" in names) == (place(path) == "zoo/ort/session.py")
    assert not names & {"create_calibrator", "quantize_static"}  # they open their own


@pytest.mark.parametrize("room", ["measuring", "stats", "results", "scenarios"])
def test_what_measures_knows_no_model_and_no_runtime(room: str) -> None:
    """Of the runtimes it knows what every adapter is asked for, and how one is found by name."""
    interface = {"bench.runtimes", "bench.runtimes.adapter", "bench.runtimes.registry"}
    interface |= {"bench.runtimes.null"}
    for path in modules(f"bench/{room}"):
        known = neighbours(path)
        assert {n for n in known if n.startswith("bench.runtimes")} <= interface, place(path)
        rooms = {room_of(name) for name in known}
        assert not rooms & {"bench.subjects", "zoo.artifacts", "zoo.models", "zoo.specs"}, place(
            path
        )


@pytest.mark.parametrize("path", modules("bench/scenarios"), ids=place)
def test_scenarios_know_no_more_than_measuring(path: Path) -> None:
    allowed = {"bench.scenarios", "bench.measuring", "bench.stats", "zoo.errors"}
    assert {room_of(name) for name in neighbours(path)} <= allowed


def test_what_measures_a_task_keeps_nothing() -> None:
    """It may run elsewhere: the files of results are those of the sweep that it was for."""
    keeping = {"bench.results.journal", "bench.results.files", "bench.results.results_file"}
    before, seen = ["bench.sweep.arms"], set[str]()
    while before:
        seen.add(module := before.pop())
        assert neighbours(NAMES[module]).isdisjoint(keeping), module
        before += [
            name
            for name in neighbours(NAMES[module]) - seen
            if room_of(name) in {"bench.sweep", "bench.measuring", "bench.subjects"}
        ]
    assert "bench.sweep.referee" in seen
    assert "bench.sweep.sweep" not in seen


@pytest.mark.parametrize("path", EVERYTHING, ids=place)
def test_only_scenarios_know_their_names(path: Path) -> None:
    """Everybody else asks what a scenario says of itself."""
    if "/scenarios/" in place(path):
        return
    texts = {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }
    # A section and a chart of the report are called so for what they show.
    assert "latency" not in texts
    assert "throughput" not in texts or place(path) == "bench/report/charts.py"


@pytest.mark.parametrize("path", EVERYTHING, ids=place)
def test_only_commands_print(path: Path) -> None:
    if "/commands/" in place(path) or place(path) in {"cli.py", "zoo/progress.py"}:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    mains = {name for name in called if name in {"print", "click.echo"}}
    run_as_script = any(
        "__main__" in ast.unparse(n.test) for n in tree.body if isinstance(n, ast.If)
    )
    assert not mains or run_as_script, place(path)


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    extras = set(project["optional-dependencies"]) - {"test"}  # called as what they install
    extras |= {"flax", "optax"}  # of the extra jax
    names = {name.partition(".")[0] for path in EVERYTHING for name in imports_of(path)}
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        name
        for name in names - sys.stdlib_module_names - {"zoo", "bench", "cli"} - extras
        if not declared & {owner.lower().replace("_", "-") for owner in owners[name]}
    }
    assert undeclared == set()


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after this code."""
    code += (
        "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\n"
        "sys.argv[0] = 'cli.py'\n"
        "import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    )
    loaded = loaded_by(code, *command)
    assert "click" in loaded
    assert loaded & (HEAVY | {"numpy", "PIL"}) == set()


def test_importing_the_data_room_stays_light() -> None:
    assert loaded_by("import zoo.data") & HEAVY == set()


def test_the_process_of_an_arm_loads_numpy_and_no_more() -> None:
    """Its runtime comes beside that when it is told which."""
    loaded = loaded_by("import bench.measuring.worker")
    assert "numpy" in loaded
    assert loaded & (HEAVY | {"click", "PIL", "scipy", "psutil"}) == set()


def test_what_trains_and_tests_leaves_the_converter_to_the_export() -> None:
    """It takes half a second to import."""
    code = "import zoo.actions.test, zoo.frameworks.pytorch.framework, zoo.transfer.way"
    loaded = loaded_by(code)
    assert "torch" in loaded
    assert loaded & {"onnx_ir", "onnxscript", "sympy"} == set()


def test_a_training_leaves_the_compiler_of_torch_alone(tmp_path: Path) -> None:
    """It takes 1.5 s to import, for anything that torch.optim or its FlopCounterMode is asked."""
    options = "data='digits', epochs=0.1, size=(16, 16)"
    loaded = loaded_by(
        "from pathlib import Path; from zoo.actions.train import train; "
        "from zoo.runs.options import TrainOptions\n"
        f"for name in ('mlp', 'speednet', 'cnn'):\n"
        f"    train(name, TrainOptions({options}), run=Path({str(tmp_path)!r}) / name)"
    )
    assert "torch" in loaded
    assert loaded & {"sympy", "onnx_ir"} == set()  # it brings sympy
