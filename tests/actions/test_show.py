"""`show`: the right image, the right numbers, whole pages, and plain words where it cannot."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from tests import classifiers
from zoo.actions.predict import predict
from zoo.actions.show import MOST_CHANNELS, Shown, show
from zoo.errors import UsageError, ZooError
from zoo.marks import is_ours
from zoo.ort.given import Given

NASTY = '"><script>alert(1)</script>'


class Outline(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(f"{tag} {name}", value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_fetches_nothing(outline: Outline) -> None:
    """What it names lies in the page itself: images, and the places that links lead to."""
    images = [value or "" for name, value in outline.attributes if name.endswith(" src")]
    links = [value or "" for name, value in outline.attributes if name.endswith(" href")]
    places = {value for name, value in outline.attributes if name.endswith(" id")}
    assert images
    assert all(value.startswith("data:image/png;base64,") for value in images)
    assert links
    assert {value.removeprefix("#") for value in links} <= places


@pytest.fixture(scope="module")
def shown(mlp_exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return show("mlp", 7, exports=mlp_exports, out=tmp_path_factory.mktemp("shown") / "out")


def test_answer_and_layers_are_those_of_predict_and_layers(
    shown: Shown, mlp_exports: Path, tmp_path: Path
) -> None:
    image = np.array(zoo.load_data("digits").test.images[7])
    Image.fromarray(image.squeeze()).save(tmp_path / "seven.png")
    (predicted,) = predict("mlp", [tmp_path / "seven.png"], exports=mlp_exports)
    assert [guess.class_name for guess in shown.guesses] == [
        guess.class_name for guess in predicted.guesses
    ]
    assert shown.guesses[0].probability == pytest.approx(predicted.guesses[0].probability)
    values = zoo.layers("mlp", image, exports=mlp_exports)
    assert [layer.name for layer in shown.layers] == list(values)
    for layer in shown.layers:
        value = values[layer.name]
        assert layer.shape == value.shape
        assert layer.statistics.mean == pytest.approx(float(value.mean()), rel=1e-4, abs=1e-6)
        assert layer.statistics.high == float(value.max())
        assert layer.statistics.zeros == float((value == 0).mean())
    by_name = {layer.name: layer for layer in shown.layers}
    card = zoo.load("mlp", mlp_exports).card
    assert sum(layer.parameters for layer in shown.layers) == card.parameters
    assert by_name["logits"].parameters == 50 * 10 + 10


def test_the_page_is_whole_and_says_it_all(shown: Shown) -> None:
    page = shown.page.read_text()
    outline = Outline(page)
    assert shown.page.name == "mlp-digits.html"
    assert shown.png.name == "mlp-digits-layers.png"
    assert is_ours(shown.page)
    assert is_ours(shown.png)
    assert shown.page.stat().st_size < 5_000_000
    for layer in shown.layers:
        assert layer.name in outline.text
    assert "test image 7 of digits" in outline.text
    assert "64 of the 500 filters" in outline.text
    assert "script" not in outline.tags
    assert_fetches_nothing(outline)
    assert "url(" not in page
    assert "@import" not in page
    described = [value for name, value in outline.attributes if name == "img alt"]
    assert len(described) == outline.tags.count("img")
    assert all(described)


def test_made_again_it_replaces_its_own_files_alone(shown: Shown, mlp_exports: Path) -> None:
    again = show("mlp", 7, exports=mlp_exports, out=shown.page.parent)
    assert again.page == shown.page
    for file in (shown.page, shown.png):
        kept = file.read_bytes()
        file.write_bytes(b"mine")
        with pytest.raises(UsageError, match="did not write it"):
            show("mlp", 7, exports=mlp_exports, out=shown.page.parent)
        assert file.read_bytes() == b"mine"
        file.write_bytes(kept)


def test_one_layer_alone(mlp_exports: Path, tmp_path: Path) -> None:
    made = show("mlp", 7, exports=mlp_exports, out=tmp_path, layer="Relu_1", precision="int8")
    assert made.page.name == "mlp-digits-int8.html"
    outline = Outline(made.page.read_text())
    assert outline.tags.count("article") == 1
    with pytest.raises(UsageError, match="Did you mean Relu_1"):
        show("mlp", 7, exports=mlp_exports, out=tmp_path, layer="relu_1", precision="int8")


def test_costs_and_times_of_layers(shown: Shown) -> None:
    by_name = {layer.name: layer for layer in shown.layers}
    assert by_name["logits"].macs == 50 * 10
    assert by_name["logits"].bytes == 4 * by_name["logits"].parameters
    assert by_name["Relu_0"].macs == by_name["Relu_0"].bytes == 0
    for layer in shown.layers:
        assert (layer.time is None) == bool(layer.step_of)
    assert by_name["Relu_0"].step_of == "MatMul_0"
    assert 0 < sum(layer.time or 0 for layer in shown.layers) <= 1
    assert "profiled calls" in shown.time


def test_dead_units_are_those_of_many_images(
    shown: Shown, mlp_exports: Path, tmp_path: Path
) -> None:
    assert shown.units == "in the first 256 test images of digits"
    test = zoo.load_data("digits").test
    given = [zoo.layers("mlp", np.array(image), exports=mlp_exports) for image in test.images[:5]]
    fewer = show("mlp", 7, exports=mlp_exports, out=tmp_path, sample=5)
    assert fewer.units == "in the first 5 test images of digits"
    for layer, before in zip(fewer.layers, shown.layers, strict=True):
        values = np.stack([one[layer.name] for one in given])
        if values.ndim == 2:
            assert layer.dead == pytest.approx(float((values == 0).all(axis=0).mean())), layer.name
        assert (before.dead or 0) <= (layer.dead or 0)
    assert any(layer.dead for layer in fewer.layers)


def test_without_an_image_graph_filters_and_costs(mlp_exports: Path, tmp_path: Path) -> None:
    made = show("mlp", exports=mlp_exports, out=tmp_path)
    assert made.png is None
    assert made.guesses == ()
    assert all(layer.statistics is None for layer in made.layers)
    outline = Outline(made.page.read_text())
    assert_fetches_nothing(outline)
    assert outline.tags.count("article") == 0
    assert outline.tags.count("tr") == 1 + len(made.layers)
    assert "64 of the 500 filters" in outline.text
    assert [path.name for path in tmp_path.iterdir()] == ["mlp-digits.html"]


def test_two_models_side_by_side(mlp_exports: Path, tmp_path: Path) -> None:
    path = classifiers.write(tmp_path / "net.onnx")
    given = Given(data="digits")
    made = show("mlp", 7, compare=path, given=given, exports=mlp_exports, out=tmp_path / "out")
    assert made.beside is not None
    assert (made.title, made.beside.title) == ("mlp-digits fp32", "net.onnx")
    assert made.page.name == "mlp-digits-and-net.html"
    assert [layer.name for layer in made.beside.layers] == ["sums", "values", "logits"]
    alone = show(path, 7, given=given, out=tmp_path / "alone")
    assert made.beside.guesses == alone.guesses
    outline = Outline(made.page.read_text())
    assert_fetches_nothing(outline)
    assert outline.tags.count("article") == len(made.layers) + 3
    assert "The answer of mlp-digits fp32" in outline.text
    assert "The answer of net.onnx" in outline.text
    with Image.open(made.png) as both, Image.open(alone.png) as one:
        assert both.width == 2 * one.width


def test_what_int8_has_folded_is_named(mlp_exports: Path, tmp_path: Path) -> None:
    made = show("mlp", 7, exports=mlp_exports, out=tmp_path, precision="int8")
    text = Outline(made.page.read_text()).text
    assert "MatMul_0 and BatchNormalization_0 of the fp32 file and this layer are one step" in text
    assert made.title == "mlp-digits int8"


class TestImages:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"no image", "cannot be shown"),
            (None, "neither a file nor a number"),
            (b"", "cannot be shown"),
        ],
        ids=["not one", "not there", "empty"],
    )
    def test_what_cannot_be_read(
        self, content: bytes | None, words: str, mlp_exports: Path, tmp_path: Path
    ) -> None:
        if content is not None:
            (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(ZooError, match=words):
            show("mlp", tmp_path / "x.png", exports=mlp_exports, out=tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_truncated_ones_and_folders(self, mlp_exports: Path, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "x.png")
        whole = (tmp_path / "x.png").read_bytes()
        (tmp_path / "x.png").write_bytes(whole[: len(whole) // 2])
        for path in (tmp_path / "x.png", tmp_path):
            with pytest.raises(ZooError, match="cannot be shown"):
                show("mlp", path, exports=mlp_exports, out=tmp_path / "out")

    def test_numbers_beyond_the_test_set(self, mlp_exports: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="has test images 0 to"):
            show("mlp", 10**9, exports=mlp_exports, out=tmp_path / "out")

    def test_channels_are_bounded(self, mlp_exports: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="--channels"):
            show("mlp", 1, exports=mlp_exports, out=tmp_path, channels=MOST_CHANNELS + 1)


class TestThirdPartyFiles:
    def test_hostile_names_are_text(self, tmp_path: Path, mlp_exports: Path) -> None:
        path = classifiers.write(tmp_path / "net.onnx", names=[f"{NASTY} {n}" for n in range(10)])
        noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
        image = tmp_path / "<script>x.png"
        Image.fromarray(noise).save(image)
        made = show(path, image, out=tmp_path / "out")
        assert made.units == "in this image"
        assert "profiled calls" in made.time
        assert [layer.name for layer in made.layers] == ["sums", "values", "logits"]
        outline = Outline(made.page.read_text())
        assert "script" not in outline.tags
        assert_fetches_nothing(outline)
        assert NASTY in outline.text
        assert "<script>x.png" in outline.text

    def test_a_number_needs_its_data(self, tmp_path: Path) -> None:
        path = classifiers.write(tmp_path / "net.onnx")
        with pytest.raises(UsageError, match="Name one with --data"):
            show(path, 3, out=tmp_path / "out")
        assert show(path, out=tmp_path / "out").units == ""
        given = Given(data="digits")
        made = show(path, 3, given=given, out=tmp_path / "out")
        assert made.origin.startswith("test image 3 of digits")

    def test_options_of_such_files_are_refused_for_others(
        self, mlp_exports: Path, tmp_path: Path
    ) -> None:
        given = Given(mean=(0.5,))
        with pytest.raises(UsageError, match="for third-party files"):
            show("mlp", 3, given=given, exports=mlp_exports, out=tmp_path)


def test_data_that_is_not_here_is_said(mlp_exports: Path, tmp_path: Path) -> None:
    """A card that means another dataset of the same name."""
    import json

    from zoo.artifacts.publishing import publish, publishing

    root = tmp_path / "exports"
    source = mlp_exports / "mlp-digits"
    with publishing("mlp-digits", root) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        card = json.loads((folder / "card.json").read_text()) | {"fingerprint": "0" * 64}
        (folder / "card.json").write_text(json.dumps(card))
        publish("mlp-digits", {"model": "mlp", "precisions": {"fp32": {}}}, folder)
    with pytest.raises(ZooError, match="give an image file"):
        show("mlp", 3, exports=root, out=tmp_path / "out")
