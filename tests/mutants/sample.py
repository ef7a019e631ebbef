"""Mutants of the modules that decide figures or delete files, each against its module's own tests.

    python tests/mutants/sample.py [--seed 0] [--count 15] [MODULE ...]

A killed process leaves nothing behind: mutants are written into a copy of the tree. Exit code 1
where fewer than 95% of a module's sample are caught.
"""

import argparse
import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.excused import EXCUSED
from tests.mutants.mutate import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
TARGETS = (
    "bench/stats/*.py",
    "bench/regression/accuracy.py",
    "bench/regression/limits.py",
    "bench/regression/matching.py",
    "bench/regression/speed.py",
    "bench/results/evaluate.py",
    "bench/measuring/stopping.py",
    "zoo/exporting/gate.py",
    "zoo/artifacts/publishing.py",
    "zoo/runs/remains.py",
    "zoo/files.py",
    "zoo/marks.py",
)
LEAST_CAUGHT = 0.95
COPIED = ("zoo", "bench", "tests", "docs", "cli.py", "pyproject.toml", "README.md")
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # exit codes of pytest; the last also: cannot be imported


def targets(patterns: Sequence[str]) -> list[str]:
    """The modules meant, as paths below the root."""
    found = []
    for pattern in patterns:
        paths = [path for path in sorted(ROOT.glob(pattern)) if path.name != "__init__.py"]
        if not paths:
            raise SystemExit(f"there is no {pattern}; name modules as in bench/stats/ratios.py.")
        found += [path.relative_to(ROOT).as_posix() for path in paths]
    return found


def own_tests(module: str) -> list[str]:
    """Its mirror in tests/, and what else stands beside that and imports it."""
    path = Path(module)
    folder = Path("tests", *path.parts[path.parts[0] == "zoo" : -1])
    mirror = folder / f"test_{path.name}"
    name = module.removesuffix(".py").replace("/", ".")
    beside = (path.relative_to(ROOT) for path in sorted((ROOT / folder).glob("test_*.py")))
    found = [mirror] if (ROOT / mirror).exists() else []
    found += [test for test in beside if test != mirror and name in _imports(ROOT / test)]
    if not found:
        raise SystemExit(f"{module} has no tests of its own in {folder}.")
    return [test.as_posix() for test in found]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def sampled(module: str, count: int, seed: int) -> list[Mutant]:
    """So many mutants of a module, by chance, but for those that are excused."""
    excused = {change for of, change, _ in EXCUSED if of == module}
    source = (ROOT / module).read_text(encoding="utf-8")
    mutants = mutants_of(source)
    # Shuffled first: another excuse leaves the rest of the sample as it is.
    random.Random(f"{seed} {module}").shuffle(mutants)
    chosen = [mutant for mutant in mutants if mutant.change not in excused][:count]
    return sorted(chosen, key=lambda mutant: mutant.line)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, in which the tests run."""
    with TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / name, root / name)
        (root / "exports").symlink_to(ROOT / "exports")
        yield root


def run(tests: Sequence[str], root: Path, timeout: float | None) -> int | None:
    """The exit code of pytest; None where it took too long."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--benchmark-disable"),
            *("-p", "no:cacheprovider", "--hypothesis-seed=0", *tests),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what the tests start ends with them
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()


def survivors(module: str, mutants: Sequence[Mutant]) -> list[Mutant]:
    """The mutants that the module's tests do not notice."""
    tests, left = own_tests(module), []
    with copied() as root:
        began = time.monotonic()
        if run(tests, root, None) != PASSED:
            raise SystemExit(f"{' '.join(tests)} fail without any change. Mend that first.")
        seconds = time.monotonic() - began
        for number, mutant in enumerate(mutants, 1):
            path = root / module
            path.write_text(mutant.source, encoding="utf-8")
            # Compiled code is known by the second, and a mutant may be as long as the one before.
            os.utime(path, (number, number))
            code = run(tests, root, 30 + 3 * seconds)
            if code not in (PASSED, FAILED, INTERRUPTED, None):
                raise SystemExit(f"pytest ended with exit code {code} at {mutant.change}.")
            if code == PASSED:
                left.append(mutant)
    return left


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=TARGETS, metavar="MODULE")
    parser.add_argument("--seed", type=int, default=0, help="another one, another sample")
    parser.add_argument("--count", type=int, default=15, help="mutants a module")
    asked = parser.parse_args(words)
    enough = True
    for module in targets(asked.modules):
        mutants = sampled(module, asked.count, asked.seed)
        left = survivors(module, mutants)
        caught = len(mutants) - len(left)
        enough = enough and caught >= LEAST_CAUGHT * len(mutants)
        print(f"{module}: {caught} of {len(mutants)} caught", flush=True)
        for mutant in left:
            print(f"  {module}:{mutant.line} {mutant.change}", flush=True)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
