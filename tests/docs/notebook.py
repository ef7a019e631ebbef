"""Runs the notebooks of docs/ and stores them with the outputs that the site and GitHub show.

python -m tests.docs.notebook
"""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = [DOCS / "tutorial" / "explore.ipynb", DOCS / "results" / "figures.ipynb"]


def main() -> None:
    """Replace the outputs of all of them."""
    for path in NOTEBOOKS:
        run(path)


def run(path: Path) -> None:
    """Replace the outputs of one."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(book, timeout=600, kernel_name="python3", resources=where).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # when each cell ran
    book.metadata["language_info"] = {"name": "python"}
    nbformat.write(book, path)


if __name__ == "__main__":
    main()
