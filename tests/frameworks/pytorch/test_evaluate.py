"""Views of an image, and the shares they give."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.evaluate import (
    EVALUATION_BATCH,
    EVALUATION_NUMBERS,
    accuracy_of,
    logits_and_views,
    logits_of,
)
from zoo.models.resize import Resize
from zoo.specs.recipe import Recipe

Logits = Callable[..., Tensor]


class Corners(nn.Module):
    """Answers with the brightness of an image's four corners."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, ::15, ::15].flatten(1)


@pytest.fixture
def images() -> Tensor:
    draw = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (1200, 16, 16, 1), generator=draw, dtype=torch.uint8)


@pytest.fixture
def maker(images: Tensor, small_recipe: Recipe) -> BatchMaker:
    return BatchMaker(images, (0.0,), (1.0,), small_recipe, torch.device("cpu"))


def test_plain_logits_are_the_networks_own_in_order(images: Tensor, maker: BatchMaker) -> None:
    logits = logits_of(Corners(), images, maker)
    expected = (images[:, ::15, ::15, 0].float() / 255).flatten(1)
    torch.testing.assert_close(logits, expected)


def test_images_that_a_network_enlarges_come_fewer_at_once(
    images: Tensor, maker: BatchMaker
) -> None:
    class Counting(Corners):
        most = 0

        def forward(self, x: Tensor) -> Tensor:
            self.most = max(self.most, len(x))
            return super().forward(x)

    small, large = Counting(), nn.Sequential(Resize((16, 16), (256, 256)), Counting())
    logits_of(small, images, maker)
    logits_of(large, images, maker)
    assert small.most == EVALUATION_BATCH
    assert large[1].most == EVALUATION_NUMBERS // 256**2


def test_only_the_named_images_are_looked_at(images: Tensor, maker: BatchMaker) -> None:
    chosen = torch.tensor([1100, 3, 700])
    some = logits_of(Corners(), images, maker, indices=chosen)
    torch.testing.assert_close(some, logits_of(Corners(), images, maker)[chosen])


def test_mirror_views_average_an_image_and_its_mirror_image(
    images: Tensor, maker: BatchMaker
) -> None:
    plain = logits_of(Corners(), images, maker)
    mirrored = logits_of(Corners(), images.flip(2), maker)
    again, views = logits_and_views(Corners(), images.numpy(), maker, "mirror")
    assert torch.equal(again, plain)
    torch.testing.assert_close(views, (plain + mirrored) / 2)


def test_six_views_add_the_image_moved_by_a_pixel_at_half_the_weight(
    images: Tensor, maker: BatchMaker
) -> None:
    padded = torch.nn.functional.pad(
        images.permute(0, 3, 1, 2).float(), (1, 1, 1, 1), mode="reflect"
    )
    moved = [
        padded[:, :, top : top + 16, top : top + 16].permute(0, 2, 3, 1).byte() for top in (0, 2)
    ]
    centre, *around = (
        logits_and_views(Corners(), image.numpy(), maker, "mirror")[1] for image in (images, *moved)
    )
    expected = centre / 2 + around[0] / 4 + around[1] / 4
    _, views = logits_and_views(Corners(), images.numpy(), maker, "six")
    torch.testing.assert_close(views, expected)


@pytest.mark.parametrize(("views", "passes"), [("mirror", 2), ("six", 6)])
def test_the_image_as_it_is_is_shown_once_for_itself_and_as_a_view(
    images: Tensor, maker: BatchMaker, views: str, passes: int
) -> None:
    class Counting(Corners):
        shown = 0

        def forward(self, x: Tensor) -> Tensor:
            self.shown += len(x)
            return super().forward(x)

    network = Counting()
    logits_and_views(network, images.numpy(), maker, views)
    assert network.shown == passes * len(images)


def test_accuracy_is_the_share_of_right_images() -> None:
    logits = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [0.5, 0.0]])
    assert accuracy_of(logits, torch.tensor([1, 0, 0, 0])) == 0.75
