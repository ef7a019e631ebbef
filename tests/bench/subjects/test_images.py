"""Arms are shown real images wherever there are any, ever different ones; which, is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.subjects import images
from bench.subjects.images import LEAST_BATCHES, Gallery, ImageFiles
from bench.subjects.subject import THIRD_PARTY, Subject, find_subjects
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.card import Card
from zoo.data import load
from zoo.ort.given import Given
from zoo.progress import Progress

SHAPE = (32, 32, 3)


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.delenv("ZOO_DATA", raising=False)
    return Gallery(tmp_path, None, Progress(), whole=True)


@pytest.fixture
def published(mlp_exports: Path) -> Subject:
    return find_subjects(["mlp"], mlp_exports, ["fp32"])[0]


def third_party(data: str | None = None) -> Subject:
    return Subject("some.onnx", THIRD_PARTY, Path("some.onnx"), data=data)


class TestGallery:
    def test_the_test_set_of_the_card(self, gallery: Gallery, published: Subject) -> None:
        found, test = gallery.of(published, SHAPE), load("digits").test
        assert found.source == "test set of digits"
        assert found.test is not None
        assert found.labels is not None
        assert np.array_equal(np.load(found.test), test.images)
        assert np.array_equal(found.labels, test.labels)
        assert np.array_equal(found.few, test.images[: len(found.few)])
        assert found.class_names == tuple("0123456789")

    def test_other_shapes_are_scaled(self, gallery: Gallery, published: Subject) -> None:
        found = gallery.of(published, (28, 28, 1))
        assert found.test is not None
        scaled = load("digits", size=28, grey=True).test.images
        assert np.array_equal(np.load(found.test), scaled)

    def test_each_is_made_once(self, gallery: Gallery, published: Subject) -> None:
        found = gallery.of(published, SHAPE)
        assert gallery.of(published, SHAPE) is found
        others = gallery.of(published, (16, 16, 3)), gallery.of(third_party("digits"), SHAPE)
        assert len({found.name, *(other.name for other in others)}) == 3

    def test_data_of_another_fingerprint_is_not_taken(
        self, gallery: Gallery, published: Subject
    ) -> None:
        assert published.artifact is not None
        assert published.card is not None
        card = published.card
        try:
            object.__setattr__(card, "fingerprint", "0" * 64)
            found = gallery.of(published, SHAPE)
        finally:
            published.artifact.__dict__.pop("card")
        assert found.test is None
        assert found.reason == "the digits in this zoo is not the one that the card refers to"
        assert found.source == "test vectors of the artifact"

    def test_models_of_own_images_take_only_those_that_they_know(
        self,
        gallery: Gallery,
        tmp_path: Path,
        write_png: Callable[..., None],
        make_card: Callable[..., Card],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(images, "_vectors", lambda *_: None)
        for split in ("train", "test"):
            for label in ("cat", "dog"):
                write_png(tmp_path / "pets" / split / label / "1.png")
        folder = str(tmp_path / "pets")

        def model(fingerprint: str, data: str | None = None) -> Subject:
            artifact = Artifact(tmp_path / "exports", "mine", {})
            card = make_card(dataset="pets", fingerprint=fingerprint, image_shape=(8, 8, 3))
            artifact.__dict__["card"] = card
            return Subject("mine", "fp32", None, artifact=artifact, data=data)

        known = load(folder).fingerprint
        found = gallery.of(model(known, folder), (8, 8, 3))
        assert (found.source, found.test is not None) == ("test set of pets", True)
        other = gallery.of(model("0" * 64, folder), (8, 8, 3))
        assert other.test is None
        assert "is not the one that the card refers to" in str(other.reason)
        nowhere = gallery.of(model(known), (8, 8, 3))
        assert nowhere.reason == (
            "it is unknown where the dataset 'pets' is: name its folder or zip with --data"
        )

    def test_without_data_the_vectors_of_the_artifact(
        self, gallery: Gallery, published: Subject
    ) -> None:
        assert published.artifact is not None
        elsewhere = Subject(
            *(published.name, "fp32", published.path),
            artifact=published.artifact,
            data="cifar10",
        )
        found = gallery.of(elsewhere, SHAPE)
        assert found.source == "test vectors of the artifact"
        assert (
            found.reason == "no local copy of cifar10; name its folder with --data-dir or ZOO_DATA"
        )
        assert found.few.shape == (8, *SHAPE)
        # Vectors of another size are of no use.
        assert gallery.of(elsewhere, (16, 16, 3)).source == "random pixels"

    def test_a_third_party_file_without_data_gets_random_pixels(self, gallery: Gallery) -> None:
        found = gallery.of(third_party(), (4, 5, 1))
        assert (found.source, found.test, found.labels) == ("random pixels", None, None)
        assert found.reason == "no dataset is named for it; add --data"
        assert found.few.shape[1:] == (4, 5, 1)

    def test_a_folder_of_images_is_data_too(
        self, gallery: Gallery, tmp_path: Path, write_png: Callable[..., None]
    ) -> None:
        for split in ("train", "test"):
            for label in ("cat", "dog"):
                write_png(tmp_path / "pets" / split / label / "1.png")
        given = Given(data=str(tmp_path / "pets"))
        assert given.data is not None
        found = gallery.of(third_party(given.data), (8, 8, 3))
        assert found.class_names == ("cat", "dog")
        assert found.labels is not None
        assert sorted(found.labels) == [0, 1]


class TestBatches:
    def images(self, count: int) -> ImageFiles:
        few = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
        return ImageFiles("some", few, "numbers")

    @pytest.mark.parametrize(("batch", "count"), [(1, 8), (4, 100), (64, 64), (100, 8)])
    def test_there_are_several_and_they_differ(
        self, tmp_path: Path, batch: int, count: int
    ) -> None:
        path = self.images(count).batches(batch, tmp_path)
        found = np.load(path).reshape(-1, batch)
        assert len(found) == LEAST_BATCHES
        assert len({tuple(one) for one in found}) == LEAST_BATCHES

    def test_they_are_the_same_each_time(self, tmp_path: Path) -> None:
        first = np.load(self.images(40).batches(4, tmp_path))
        (tmp_path / "other").mkdir()
        again = np.load(self.images(40).batches(4, tmp_path / "other"))
        assert np.array_equal(first, again)

    def test_large_ones_are_fewer_so_that_they_fit(self, tmp_path: Path) -> None:
        few = np.zeros((2, 512, 512, 3), np.uint8)
        path = ImageFiles("some", few, "black").batches(128, tmp_path)
        assert len(np.load(path, mmap_mode="r")) == 2 * 128


@pytest.fixture
def write_png() -> Callable[[Path], None]:
    from PIL import Image

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(str(path))).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(path)

    return write
