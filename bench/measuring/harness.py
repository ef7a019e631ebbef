"""A key of the code that measures: rows of two harnesses may differ only because of it."""

import hashlib
import inspect
from collections.abc import Iterable
from pathlib import Path

from bench.runtimes import find_runtime

ROOT = Path(__file__).parents[2]
# The process of an arm and its turns, how it is called and when to stop, what times amount to, the
# adapters, and what opens and feeds a session.
_SOURCES = (
    *("bench/measuring/*.py", "bench/scenarios/*.py", "bench/stats/*.py", "bench/runtimes/*.py"),
    *("zoo/ort/*.py", "zoo/machine/child.py"),
)


def harness(*runtimes: str, root: Path = ROOT) -> str:
    """The key of these files below `root`, and of the modules of runtimes of your own."""
    own = (inspect.getsourcefile(find_runtime(runtime)) for runtime in runtimes)
    paths = {path for pattern in _SOURCES for path in root.glob(pattern)}
    return harness_key(paths | {Path(path) for path in own if path})


def harness_key(paths: Iterable[Path]) -> str:
    """A short key of the bytes of files, wherever they lie."""
    digests = sorted(hashlib.sha256(path.read_bytes()).digest() for path in paths)
    # A letter first, or a table may take it for a number.
    return "h" + hashlib.sha256(b"".join(digests)).hexdigest()[:11]
