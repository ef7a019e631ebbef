"""docs/results/figures.ipynb draws the results beside it, and is stored with its figures."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "results" / "figures.ipynb"


def test_it_draws_every_panel_from_the_kept_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    names: dict[str, object] = {}
    with plt.ioff():
        for cell in cells:
            exec(compile(cell.source, NOTEBOOK.name, "exec"), names)
    drawn = [axes for number in plt.get_fignums() for axes in plt.figure(number).axes]
    plt.close("all")
    assert len(drawn) == 8
    assert all(axes.has_data() for axes in drawn)
    kept = [output for cell in cells for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in kept) == 5
    assert not [output for output in kept if output.output_type == "error"]
    printed = capsys.readouterr().out
    assert printed == "".join(output.text for output in kept if output.output_type == "stream")
    counts = set(re.findall(r"\d+ of \d+(?! ratios)", printed))
    assert counts == {"342 of 360", "117 of 120", "120 of 120"}
    root = NOTEBOOK.parents[2]
    for page in ("docs/results/series.md", "docs/explanation/trust.md", "README.md"):
        text = " ".join((root / page).read_text(encoding="utf-8").split())
        assert {count for count in counts if count in text} >= {"342 of 360", "120 of 120"}, page
