from collections.abc import Callable
from pathlib import Path

from zoo.actions.trained import load_trained
from zoo.exporting.formats import Rounding, make_formats
from zoo.exporting.original import find_original
from zoo.ort.compatibility import OPSET
from zoo.ort.signature import PIXELS
from zoo.progress import Progress


def test_fp32_rounds_nothing_and_so_looks_at_no_images(digits_run: Callable[[str], Path]) -> None:
    original = find_original("mlp", digits_run("mlp"), PIXELS, OPSET)
    trained = load_trained(original.run, original.card)
    made = make_formats(original, trained, ["fp32"], None, Progress())
    assert list(made.models) == ["fp32"]
    assert made.rounding == Rounding()
