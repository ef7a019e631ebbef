"""Every PyTorch model of the catalog: shapes, gradients, and a recipe that learns."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.errors import UsageError
from zoo.frameworks.pytorch.estimate import count_macs
from zoo.specs.catalog import MODELS, ModelSpec, find_model

ALONE = {
    name: spec for name, spec in MODELS.items() if spec.framework == "pytorch" and not spec.way
}
ALL = pytest.mark.parametrize("spec", ALONE.values(), ids=ALONE.keys())


@ALL
@pytest.mark.parametrize("side", [16, 28, 33])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [2, 7])
def test_logits_have_the_right_shape_and_every_weight_a_gradient(
    spec: ModelSpec, side: int, channels: int, classes: int
) -> None:
    torch.manual_seed(0)
    network = spec.build((side, side, channels), classes)
    logits = network(torch.randn(4, channels, side, side))
    assert logits.shape == (4, classes)
    logits.square().sum().backward()  # type: ignore[no-untyped-call]
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@ALL
def test_images_need_not_be_square(spec: ModelSpec) -> None:
    assert spec.build((20, 36, 3), 5)(torch.randn(2, 3, 20, 36)).shape == (2, 5)


@ALL
def test_what_it_cannot_take_is_refused_with_the_reason(spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match=r"16x16 or more.*--size"):
        spec.build((8, 32, 3), 10)
    with pytest.raises(UsageError, match="1 or 3 channels"):
        spec.build((32, 32, 4), 10)
    with pytest.raises(UsageError, match="at least 2 classes"):
        spec.build((32, 32, 3), 1)


@ALL
def test_an_evaluated_image_does_not_depend_on_its_batch(spec: ModelSpec) -> None:
    network = spec.build((32, 32, 3), 10).eval()
    images = torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images)[2:3], network(images[2:3]))


@ALL
def test_recipes_say_what_their_schedule_needs(spec: ModelSpec) -> None:
    recipe = spec.recipe
    assert 0 < recipe.quick_epochs < recipe.epochs
    assert 0 <= recipe.warmup < 1
    assert recipe.for_images(50_000, mirror=True) == recipe


def test_a_small_dataset_gets_smaller_batches_and_no_flip_where_it_lies() -> None:
    recipe = find_model("cnn").recipe
    small = recipe.for_images(1_300, mirror=False)
    assert small.batch == 64
    assert 1_300 // small.batch >= 16
    assert small.lr == recipe.lr * 64 / recipe.batch
    assert (small.flip, small.views) == ("none", "none")
    assert recipe.for_images(40, mirror=True).batch == 32


def test_adamw_follows_the_batch_by_its_square_root() -> None:
    recipe = replace(find_model("mlp").recipe, optimizer="adamw", batch=400, lr=0.02)
    assert recipe.with_batch(100).lr == pytest.approx(0.01)


def test_cnn_is_the_named_sequence_with_only_normalisation_between() -> None:
    network = find_model("cnn").build((32, 32, 3), 10)
    assert isinstance(network, nn.Sequential)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    sequence = [type(layer).__name__ for layer in network if not isinstance(layer, norms)]
    assert sequence == [
        *("Conv2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "ReLU", "MaxPool2d"),
        *("Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear"),
    ]


def test_mlp_has_the_sizes_of_the_classic_exercise() -> None:
    network = find_model("mlp").build((28, 28, 1), 10)
    sizes = [
        (layer.in_features, layer.out_features)
        for layer in network.modules()
        if isinstance(layer, nn.Linear)
    ]
    assert sizes == [(784, 500), (500, 50), (50, 10)]


def test_an_unknown_model_is_a_usage_error_with_near_names() -> None:
    with pytest.raises(UsageError, match=r"no model 'cmn'\. Did you mean cnn\?"):
        find_model("cmn")


def test_what_stands_on_a_backbone_is_not_built_without_one() -> None:
    with pytest.raises(UsageError, match=r"transfer needs a design that names its backbone"):
        find_model("transfer").build((32, 32, 3), 10)


def test_speednet_starts_by_whitening_the_patches_it_was_shown() -> None:
    draw = torch.Generator().manual_seed(1)
    smooth = torch.randn(400, 3, 8, 8, generator=draw).repeat_interleave(4, 2)
    images = smooth.repeat_interleave(4, 3) + 0.3 * torch.randn(400, 3, 32, 32, generator=draw)
    network = find_model("speednet").build((32, 32, 3), 10)
    network.calibrate(images)  # type: ignore[operator]
    whitened = network.whiten(images)[:, :12]  # type: ignore[operator]
    flat = whitened.permute(1, 0, 2, 3).flatten(1)
    covariance = flat @ flat.T / flat.shape[1]
    torch.testing.assert_close(covariance, torch.eye(12), atol=0.05, rtol=0)
    torch.testing.assert_close(network.whiten(images)[:, 12:], -whitened)  # type: ignore[operator]


def test_densenet_bc_100_12_has_the_papers_size() -> None:
    network = find_model("densenet-bc-100-12").build((32, 32, 3), 10)
    assert sum(weight.numel() for weight in network.parameters()) == 769_162
    assert count_macs(network, (32, 32, 3)) == pytest.approx(288e6, rel=0.001)
