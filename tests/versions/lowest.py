"""`tox -e lowest`: requirements that pin every dependency to the lowest release allowed.

    python tests/versions/lowest.py requirements.txt

What only the tests need is pinned as in constraints.txt.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("pytest", "pytest-benchmark", "pytest-xdist", "hypothesis")


def lowest(requirement: str) -> str:
    """`torch>=2.11; marker` as `torch==2.11; marker`."""
    pinned, count = re.subn(r"^([\w-]+)>=", r"\1==", requirement)
    if not count:
        raise ValueError(f"{requirement} has no lower bound.")
    return pinned


def requirements() -> list[str]:
    """The lowest release of each dependency, and the tools that run the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tools = [line for line in tested if line.partition("==")[0] in TOOLS]
    return [*map(lowest, project["dependencies"]), *tools]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(requirements()) + "\n", encoding="utf-8")
