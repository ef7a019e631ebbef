"""What a file is believed to take, what has to be given, and what it is fed with."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ort.faked import faked
from zoo.errors import UsageError, ZooError
from zoo.ort.given import Given, read_sidecar
from zoo.ort.session import Session, open_session
from zoo.ort.signature import Signature, logits

Make = Callable[..., Path]
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 4, 5, 3)).astype(np.uint8)


class TestOf:
    def test_a_file_of_this_zoo_says_everything(self, tiny_onnx: Make) -> None:
        found = Signature.of(open_session(tiny_onnx()))
        assert found == Signature(
            input="image",
            layout="nhwc",
            dtype="uint8",
            height=4,
            width=5,
            channels=3,
            batch=None,
            mean=None,
            std=None,
            output="logits",
            classes=3,
            class_names=("red", "green", "blue"),
        )
        assert found.image_shape == (4, 5, 3)
        assert found.class_name(1) == "green"

    def test_the_bare_network_has_its_normalisation_in_the_metadata(self, tiny_onnx: Make) -> None:
        session = open_session(tiny_onnx(kind="float32-nchw"))
        found = Signature.of(session)
        assert (found.layout, found.dtype) == ("nchw", "float32")
        assert (found.mean, found.std) == ((0.5,) * 3, (0.25,) * 3)
        told = Signature.of(session, Given(MEAN, STD))
        assert (told.mean, told.std) == (MEAN, STD)
        assert Signature.of(session, Given(mean=MEAN)).std == (0.25,) * 3

    def test_a_strangers_file_has_numbers_for_classes(self, tiny_onnx: Make) -> None:
        found = Signature.of(open_session(tiny_onnx(metadata={})))
        assert found.class_names is None
        assert found.class_name(2) == "class 2"

    @pytest.mark.parametrize("batch", [1, 4])
    def test_a_fixed_batch_is_seen(self, tiny_onnx: Make, batch: int) -> None:
        assert Signature.of(open_session(tiny_onnx(batch=batch))).batch == batch

    @pytest.mark.parametrize(
        ("shape", "layout", "image_shape"),
        [
            ((None, 224, 200, 3), "nhwc", (224, 200, 3)),
            (("n", 3, 224, 200), "nchw", (224, 200, 3)),
            ((1, 28, 28, 1), "nhwc", (28, 28, 1)),
            ((1, 1, 28, 20), "nchw", (28, 20, 1)),
        ],
    )
    def test_the_layout_is_where_the_channels_are(
        self, shape: tuple[int | str | None, ...], layout: str, image_shape: tuple[int, int, int]
    ) -> None:
        found = Signature.of(faked(("uint8", shape)))
        assert (found.layout, found.image_shape) == (layout, image_shape)

    def test_metadata_tells_a_layout_that_the_shape_does_not(self) -> None:
        session = faked(("uint8", (None, 3, 5, 3)), input="uint8-nhwc")
        assert Signature.of(session).image_shape == (3, 5, 3)

    @pytest.mark.parametrize(
        ("session", "named"),
        [
            (faked(), "0 inputs (none)"),
            (faked(("uint8", (1, 4, 4, 3)), ("uint8", (1,))), "2 inputs (in0, in1)"),
            (
                faked(("float32", (None, 784))),
                "does not take images: its input in0: float32 [?, 784]",
            ),
            (faked(("int64", (1, 4, 4, 3))), "does not take images"),
            (faked(("uint8", (None, 3, 5, 3))), "may be either layout"),
            (faked(("uint8", (None, 5, 5, 4))), "neither 1 nor 3 channels"),
            (faked(("uint8", ("a", "b", "c", "d"))), "neither 1 nor 3 channels"),
            (
                faked(("uint8", (None, 3, "h", "w"))),
                "such as with --size 224x224",
            ),
            (faked(("uint8", (None, "h", "w", 3))), "--size 224x224"),
            (faked(("uint8", (None, 0, 5, 3))), "0x5 pixels"),
            (faked(("uint8", (None, 3, 10**6, 5))), "1000000x5 pixels"),
            (faked(("uint8", (0, 4, 5, 3))), "batches of zero images"),
            (faked(("uint8", (10**6, 224, 224, 3))), "MiB of pixels at once"),
            (faked(("float32", (1, 3, 8, 8))), "by which mean and std. Give them"),
            (faked(("float32", (1, 3, 8, 8)), mean="[1, 1, 1]"), "by which std."),
            (faked(("float32", (1, 3, 8, 8)), mean="[[", std="5"), "by which mean and std."),
            (faked(("float32", (1, 3, 8, 8)), mean="[0, 0]", std="[1]"), "has 3 channels"),
            (
                faked(("float32", (1, 1, 8, 8)), mean="[0]", std="[0]"),
                "--std cannot be 0.0",
            ),
            (
                faked(("float32", (1, 1, 8, 8)), mean="[NaN]", std="[1]"),
                "--mean cannot be nan",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_known_is_wrong_usage_and_named(
        self, session: Session, named: str
    ) -> None:
        with pytest.raises(UsageError) as caught:
            Signature.of(session)
        assert named in str(caught.value)
        assert "strange.onnx" in str(caught.value) or named.startswith("--")

    def test_the_flags_to_give_are_named(self) -> None:
        with pytest.raises(UsageError, match=r"--mean \.485,\.456,\.406 --std \.229,\.224,\.225"):
            Signature.of(faked(("float32", (1, 3, 8, 8))))

    def test_a_file_that_takes_0_to_255_can_be_told_so(self, images: np.ndarray) -> None:
        """By the numbers that the message gives."""
        session = faked(("float32", (None, 4, 5, 3)))
        with pytest.raises(UsageError, match=r"0\.\.255, the mean is 0 and the std 0\.00392157"):
            Signature.of(session)
        feeds = Signature.of(session, Given((0.0,) * 3, (0.00392157,) * 3)).prepare(images)
        assert feeds["in0"] == pytest.approx(images.astype(np.float32), rel=1e-6)

    def test_raw_pixels_take_no_normalisation(self, tiny_onnx: Make) -> None:
        with pytest.raises(UsageError, match="leave out --mean"):
            Signature.of(open_session(tiny_onnx()), Given(mean=MEAN))

    @pytest.mark.parametrize("names", ["[", "{}", "[1, 2, 3]", "3", '["a"]'])
    def test_class_names_that_are_none_are_an_error(self, names: str) -> None:
        with pytest.raises(ZooError, match=r"strange\.onnx.*(class_names|names 1 classes)"):
            Signature.of(faked(("uint8", (1, 4, 4, 3)), class_names=names))

    def test_class_names_count_the_classes_where_the_shape_does_not(self) -> None:
        session = faked(
            ("uint8", (1, 4, 4, 3)), outputs=(("logits", (None, None)),), class_names='["a", "b"]'
        )
        assert Signature.of(session).classes == 2

    @given(st.text() | st.recursive(st.floats() | st.text(), st.lists).map(json.dumps))
    def test_metadata_of_any_kind_is_refused_in_words_or_makes_sense(self, text: str) -> None:
        session = faked(
            ("float32", (1, 1, 8, 8)), mean=text, std=text, class_names=text, input=text
        )
        try:
            found = Signature.of(session)
        except ZooError:
            return
        assert found.std is not None
        assert len(found.std) == 1
        assert found.std[0] > 0


class TestGiven:
    """What a file leaves open is told, and what it says is not argued with."""

    @pytest.mark.parametrize(
        ("shape", "told", "found"),
        [
            ((None, 3, "h", "w"), Given(size=(32, 40)), ("nchw", (32, 40, 3))),
            ((None, "h", 40, 1), Given(size=(32, 40)), ("nhwc", (32, 40, 1))),
            ((None, 3, 5, 3), Given(layout="nchw"), ("nchw", (5, 3, 3))),
            ((None, 3, 5, 3), Given(layout="nhwc"), ("nhwc", (3, 5, 3))),
            (("n", "c", "h", "w"), Given(layout="nchw", size=(8, 8)), ("nchw", (8, 8, 3))),
        ],
    )
    def test_layout_and_size(
        self,
        shape: tuple[int | str | None, ...],
        told: Given,
        found: tuple[str, tuple[int, int, int]],
    ) -> None:
        signature = Signature.of(faked(("uint8", shape)), told)
        assert (signature.layout, signature.image_shape) == found

    @pytest.mark.parametrize(
        ("told", "problem"),
        [
            (Given(layout="nchw"), "is not nchw; leave out --layout"),
            (Given(size=(8, 8)), "does not take images of 8x8 pixels; leave out --size"),
            (Given(class_names=("a", "b")), "is given 2 classes and gives 3 values"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_contradicts_the_file_is_refused(self, told: Given, problem: str) -> None:
        with pytest.raises(ZooError, match=re.escape(problem)):
            Signature.of(faked(("uint8", (None, 4, 5, 3))), told)

    def test_names_that_are_given_win(self) -> None:
        session = faked(("uint8", (1, 4, 4, 3)), class_names='["a", "b", "c"]')
        told = Given(class_names=("x", "y", "z"))
        assert Signature.of(session, told).class_names == ("x", "y", "z")
        assert Signature.of(session, Given(classes_as_given=True)).class_names is None

    def test_the_json_beside_a_file_may_hold_all_of_it(self, tmp_path: Path) -> None:
        told = Given(
            (0.5,), (0.25,), "digits", ("a", "b"), True, "probs", "nhwc", (32, 40)
        )  # fmt: skip
        (tmp_path / "m.json").write_text(json.dumps(asdict(told)))
        assert read_sidecar(tmp_path / "m.onnx") == told
        assert Given(data="cifar10", size=(8, 8)).over(told) == replace(
            told, data="cifar10", size=(8, 8)
        )
        assert told.over(Given()) == told


class TestPrepare:
    def test_raw_pixels_stay_as_they_are(self, tiny_onnx: Make, images: np.ndarray) -> None:
        feeds = Signature.of(open_session(tiny_onnx())).prepare(images)
        assert list(feeds) == ["image"]
        assert feeds["image"].dtype == np.uint8
        assert np.array_equal(feeds["image"], images)

    @pytest.mark.parametrize("dtype", ["float32", "float16"])
    @pytest.mark.parametrize("layout", ["nchw", "nhwc"])
    def test_floats_are_normalised_and_laid_out(
        self, images: np.ndarray, dtype: str, layout: str
    ) -> None:
        shape = (None, 3, 4, 5) if layout == "nchw" else (None, 4, 5, 3)
        feeds = Signature.of(faked((dtype, shape)), Given(MEAN, STD)).prepare(images)
        expected = (images / 255 - np.array(MEAN)) / np.array(STD)
        if layout == "nchw":
            expected = expected.transpose(0, 3, 1, 2)
        assert feeds["in0"].dtype == dtype
        assert feeds["in0"].flags.c_contiguous
        assert feeds["in0"] == pytest.approx(expected, abs=1e-6 if dtype == "float32" else 4e-3)

    def test_signed_bytes_are_pixels_less_128(self, images: np.ndarray) -> None:
        session = faked(("int8", (None, 4, 5, 3)))
        plain = Signature.of(session).prepare(images)["in0"]
        assert plain.dtype == np.int8
        assert np.array_equal(plain, images.astype(int) - 128)
        told = Given((128 / 255,), (1 / 255,))
        assert np.array_equal(Signature.of(session, told).prepare(images)["in0"], plain)
        clipped = Signature.of(session, Given((0.0,), (1 / 255,))).prepare(images)["in0"]
        assert np.array_equal(clipped, np.minimum(images, 127))

    @pytest.mark.parametrize(
        "wrong",
        [np.zeros((2, 5, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), np.zeros((1, 4, 5, 3))],
        ids=["size", "rank", "dtype"],
    )
    def test_other_images_are_refused(self, tiny_onnx: Make, wrong: np.ndarray) -> None:
        with pytest.raises(UsageError, match=r"uint8 \[N, 4, 5, 3\]"):
            Signature.of(open_session(tiny_onnx())).prepare(wrong)


class TestLogits:
    @pytest.mark.parametrize("kind", ["uint8-nhwc", "uint8-nchw", "float32-nchw", "float32-nhwc"])
    @pytest.mark.parametrize("batch", ["batch", 1, 3, 7, 10])
    def test_every_layout_and_batch_gives_the_same(
        self, tiny_onnx: Make, images: np.ndarray, kind: str, batch: int | str
    ) -> None:
        session = open_session(tiny_onnx(kind=kind, batch=batch))
        signature = Signature.of(session)
        means = images.mean(axis=(1, 2)) / 255
        expected = 10 * (means if kind.startswith("uint8") else (means - 0.5) / 0.25)
        for calls in (1, 4, 64):
            values = logits(session, signature, images, batch=calls)
            assert values.dtype == np.float32
            assert values == pytest.approx(expected, abs=1e-4)

    def test_no_images_give_no_rows(self, tiny_onnx: Make, images: np.ndarray) -> None:
        session = open_session(tiny_onnx())
        assert logits(session, Signature.of(session), images[:0]).shape == (0, 3)

    def test_values_that_are_no_row_of_classes_are_refused(
        self, tiny_onnx: Make, images: np.ndarray
    ) -> None:
        session = open_session(tiny_onnx())
        signature = replace(Signature.of(session), classes=4, class_names=None)
        with pytest.raises(ZooError, match=r"shape \[7, 3\] for 7 images.* row of 4 values"):
            logits(session, signature, images)
