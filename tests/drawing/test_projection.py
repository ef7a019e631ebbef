"""The map of latents: the principal components, the same every time, and back from its file."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from zoo.drawing.projection import Projection, project

NAMES = ("cat", "dog, big", 'a "frog"\n', "_truck")


def made(images: int = 60, width: int = 9, classes: tuple[str, ...] = NAMES) -> Projection:
    draw = np.random.default_rng(5)
    labels = np.arange(images) % len(classes)
    latents = draw.normal(size=(images, width)) * np.arange(1, width + 1) + labels[:, None]
    return project(latents.astype(np.float32), labels, classes)


@pytest.mark.parametrize(("images", "width"), [(60, 9), (12, 5000)])
def test_it_is_the_analysis_that_others_make(images: int, width: int) -> None:
    latents = np.random.default_rng(1).normal(size=(images, width)) + 100
    found = project(latents.astype(np.float32), np.zeros(images, int), ("a",))
    other = PCA(2).fit(latents)
    np.testing.assert_allclose(
        abs(found.points), abs(other.transform(latents)), rtol=0.01, atol=0.01
    )
    for title, share in zip(found.axes, other.explained_variance_ratio_, strict=True):
        assert f"({share:.1%} of the variance)" in title


def test_it_points_the_same_way_however_its_latents_are_turned() -> None:
    latents = np.random.default_rng(2).normal(size=(30, 4)).astype(np.float32)
    latents[7] *= 20
    one, other = (project(values, np.zeros(30, int), ("a",)) for values in (latents, -latents))
    np.testing.assert_array_equal(one.points, other.points)
    assert (one.points[abs(one.points).argmax(axis=0), [0, 1]] > 0).all()


def test_it_comes_back_from_its_file_and_is_small() -> None:
    whole = made(2000)
    text = whole.to_csv()
    back = Projection.from_csv(text.encode(), NAMES)
    np.testing.assert_array_equal(back.points, whole.points)
    np.testing.assert_array_equal(back.labels, whole.labels)
    assert (back.classes, back.axes) == (NAMES, whole.axes)
    assert back.to_csv() == text
    assert len(text) < 50_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must hold a class and two numbers"),
        (b"class,x,y\n", "must hold a class and two numbers"),
        (b"class,x,y\ncat,1\n", "line 2 has 2 values"),
        (b"class,x\ncat,1\n", "must hold a class and two numbers"),
        (b"class,x,y\ncat,one,2\n", "could not convert"),
        (b"class,x,y\ncat,inf,2\n", "not a number"),
        (b"class,x,y\ncow,1,2\n", "no class cow"),
        (b"\xff\xfe", "decode"),
    ],
)
def test_what_is_no_map_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Projection.from_csv(content, NAMES)


@pytest.mark.parametrize("latents", [np.ones((5, 3)), np.ones((1, 3)), np.zeros((2, 1))])
def test_latents_that_do_not_differ_lie_in_one_place(latents: np.ndarray) -> None:
    found = project(latents.astype(np.float32), np.zeros(len(latents), int), ("a",))
    assert (found.points == 0).all()
    assert found.axes[0] == "component 1 (0.0% of the variance)"
