"""Runs the notebook of the tutorial and stores it with its outputs, as docs and GitHub show it.

python -m tests.docs.notebook
"""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial" / "explore.ipynb"


def main() -> None:
    """Replace its outputs."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(book, timeout=600, kernel_name="python3", resources=where).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # when each cell ran
    book.metadata["language_info"] = {"name": "python"}
    nbformat.write(book, NOTEBOOK)


if __name__ == "__main__":
    main()
