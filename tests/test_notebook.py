"""The example notebook runs from top to bottom, shows its images, and leaves nothing behind."""

import json
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "tutorial" / "explore.ipynb"


@pytest.fixture
def book() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This interpreter as `python3`, whatever kernels and startup files the user has.

    Works in `work` of the folder that this gives, and puts temporary files into `temporary`.

    zoo is imported from this tree even where it is not installed.
    """
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    for name in ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # A network this small only waits for a second thread.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path


def test_it_runs_and_shows_what_it_promises(book: nbformat.NotebookNode, kernel: Path) -> None:
    where = {"metadata": {"path": str(kernel / "work")}}
    NotebookClient(book, timeout=300, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    images = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(images) == 7
    assert "epoch 5/5" in printed
    assert "accuracy" in printed
    assert "predicted" in printed
    tables = [
        output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    assert "int8.onnx" in tables[-3]
    assert "Relu_1" in tables[-2]
    assert "ratio_low" in tables[-1]
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert complaints == []
    assert list((kernel / "work").iterdir()) == []
    left = {path.name for path in (kernel / "temporary").iterdir()}
    assert left <= {".ses", "torchinductor_root"}  # of onnxruntime and torch themselves


def test_it_is_stored_as_it_ran(book: nbformat.NotebookNode) -> None:
    """By `python -m tests.docs.notebook`."""
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 7
    assert not [output for output in outputs if output.output_type == "error"]
    for output in outputs:
        output.get("data", {}).pop("image/png", None)
    text = json.dumps(outputs)
    assert str(ROOT) not in text
    assert tempfile.gettempdir() + "/" not in text
    assert NOTEBOOK.stat().st_size < 1 << 20
