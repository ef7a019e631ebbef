"""Training curves and confusion matrices come from artifacts; what is missing is said."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.report.models import read_trainings
from bench.results.rows import Row
from zoo.artifacts.card import Card
from zoo.drawing.markup import document


def test_an_artifact_gives_its_curves_and_its_matrix(
    make_exports: Callable[..., Path], make_row: Callable[..., Row]
) -> None:
    (found,), missing = read_trainings([make_row(), make_row(batch=64)], make_exports())
    assert found.id == "cnn-cifar10"
    assert [row.epoch for row in found.history] == [1.0, 2.0]
    assert found.confusion is not None
    assert found.confusion.classes == ("cat", "<b>dog</b>")
    assert found.confusion.counts == ((9, 1), (2, 8))
    assert missing == []


def test_other_subjects_have_none_and_it_is_said(
    make_exports: Callable[..., Path], make_row: Callable[..., Row], tmp_path: Path
) -> None:
    rows = [make_row(subject="mlp-cifar10"), make_row(subject="net.onnx", precision="file")]
    found, (gap,) = read_trainings(rows, make_exports())
    assert found == []
    assert "mlp-cifar10: there is no such artifact" in gap
    assert read_trainings(rows, tmp_path / "nowhere")[0] == []


def test_an_artifact_without_these_files_has_none_and_it_is_said(
    make_exports: Callable[..., Path], make_row: Callable[..., Row]
) -> None:
    found, missing = read_trainings([make_row()], make_exports(files={}))
    assert found == []
    assert [gap for gap in missing if "history.csv" in gap]
    assert [gap for gap in missing if "confusion.csv" in gap]


@pytest.mark.parametrize("name", ["history.csv", "confusion.csv"])
@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"\xff\xfe"])
def test_a_damaged_file_costs_its_own_chart_only(
    make_exports: Callable[..., Path], make_row: Callable[..., Row], name: str, content: bytes
) -> None:
    ((found,), missing) = read_trainings(
        [make_row()], make_exports(files={name: content}, add=True)
    )
    assert bool(found.history) == (name != "history.csv")
    assert bool(found.confusion) == (name != "confusion.csv")
    assert len(missing) == 1


def test_a_file_changed_behind_the_manifest_is_left_out(
    make_exports: Callable[..., Path], make_row: Callable[..., Row]
) -> None:
    root = make_exports()
    (root / "cnn-cifar10" / "confusion.csv").write_text("true,a\na,1\n")
    (found,), (gap,) = read_trainings([make_row()], root)
    assert found.confusion is None
    assert "is not the file that was published" in gap


def test_a_damaged_manifest_leaves_all_of_them_out(
    make_exports: Callable[..., Path], make_row: Callable[..., Row]
) -> None:
    root = make_exports()
    (root / "manifest.json").write_text("{")
    found, (gap,) = read_trainings([make_row()], root)
    assert found == []
    assert "is damaged" in gap


def test_a_map_of_latents_comes_from_the_artifact(
    make_exports: Callable[..., Path],
    make_row: Callable[..., Row],
    make_card: Callable[..., Card],
) -> None:
    card = json.dumps(asdict(make_card(class_names=("cat", "dog")))).encode()
    table = b"class,first,second\ndog,1,2\ncat,-3,0.5\n"
    files = {"card.json": card, "latents.csv": table}
    (found,), missing = read_trainings([make_row()], make_exports(files=files, add=True))
    assert found.projection is not None
    assert found.projection.labels.tolist() == [1, 0]
    assert missing == []
    files["latents.csv"] = table + b"cow,1,2\n"
    (found,), (gap,) = read_trainings([make_row()], make_exports(files=files, add=True))
    assert (found.projection, bool(found.history)) == (None, True)
    assert "no map of latents: there is no class cow" in gap


def test_a_model_published_anew_since_is_said_to_be(
    make_exports: Callable[..., Path], make_row: Callable[..., Row]
) -> None:
    _, (gap,) = read_trainings([make_row(sha256="0" * 64)], make_exports())
    assert "published again" in gap


def test_the_page_of_a_test_is_linked_where_it_is_of_the_same_images(
    make_exports: Callable[..., Path], make_row: Callable[..., Row], in_folder: Path
) -> None:
    exports = make_exports()

    def page() -> Path | None:
        ((found,), _) = read_trainings([make_row()], exports)
        return found.test_page

    assert page() is None
    fingerprint = json.loads((exports / "cnn-cifar10" / "card.json").read_text())["fingerprint"]
    for root, told in (("runs", fingerprint), ("results", "of other images")):
        folder = Path(root, "cnn-cifar10")
        folder.mkdir(parents=True)
        (folder / "test.html").write_text(document("Test", "", []))
        (folder / "test.json").write_text(json.dumps({"fingerprint": told}))
    assert page() == Path("runs/cnn-cifar10/test.html")
    (Path("results") / "cnn-cifar10" / "test.json").write_text(
        json.dumps({"fingerprint": fingerprint})
    )
    assert page() == Path("results/cnn-cifar10/test.html")
