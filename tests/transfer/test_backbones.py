"""Backbones: the last layer is found and removed, and weights are loaded whole or not at all."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file

from zoo.errors import UsageError
from zoo.specs.design import Backbone
from zoo.transfer.backbones import build_trunk, calibrate_norms, describe, fingerprint, load_weights

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGENET = Path(os.environ.get("ZOO_DATA", "data")) / "mobilenet_v2-imagenet.safetensors"


@pytest.mark.parametrize(
    ("name", "side", "width"),
    [
        ("inception_v3", None, 2048),
        ("resnet18", 32, 512),
        ("mobilenet_v3_small", 32, 1024),
        ("mobilenet_v2", 32, 1280),
        ("efficientnet_b0", 32, 1280),
        ("vgg11", 32, 4096),
        ("densenet121", 32, 1024),
        ("squeezenet1_1", 32, 512),
        ("googlenet", 32, 1024),
    ],
)
def test_the_last_layer_is_found_and_removed(name: str, side: int | None, width: int) -> None:
    backbone = describe(name, side)
    trunk = build_trunk(backbone)
    assert trunk.width == width
    with torch.no_grad():
        assert trunk(torch.zeros(2, 3, *backbone.size)).shape == (2, width)
    assert not any(weight.requires_grad for weight in trunk.parameters())


def test_a_description_is_that_of_the_weights_of_torchvision() -> None:
    assert describe("inception_v3").size == (299, 299)
    assert describe("mobilenet_v2").size == (224, 224)
    assert describe("mobilenet_v2").mean == (0.485, 0.456, 0.406)
    assert describe("efficientnet_b0").interpolation == "bicubic"
    assert describe("resnet18", 96).size == (96, 96)


def test_inception_sees_the_pixels_that_transform_input_would_give_it() -> None:
    """Weights of torchvision come with transform_input: the usual normalisation, then another."""
    backbone = describe("inception_v3", 75)
    torch.manual_seed(1)
    trunk = build_trunk(backbone)
    theirs = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=True)
    pixels = torch.rand(2, 3, 75, 75)
    usual_mean, usual_std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (pixels - usual_mean.view(-1, 1, 1)) / usual_std.view(-1, 1, 1)
    ours = (pixels - backbone.mean[0]) / backbone.std[0]
    torch.testing.assert_close(ours, theirs._transform_input(normalised))
    assert trunk.network.transform_input is False


@pytest.mark.parametrize(("name", "side"), [("inception_v3", 32), ("vit_b_16", 32)])
def test_a_size_that_it_does_not_take_is_refused(name: str, side: int) -> None:
    with pytest.raises(UsageError, match=rf"{name} does not take images of 32x32.*--backbone-s"):
        build_trunk(describe(name, side))


@pytest.mark.parametrize(("name", "width"), [("resnet18", 512 * 4), ("inception_v3", 2048 * 9)])
def test_maps_are_what_the_last_pooling_would_have_taken(name: str, width: int) -> None:
    side = {"resnet18": 64, "inception_v3": 139}[name]
    torch.manual_seed(0)
    pooled = build_trunk(describe(name, side))
    maps = build_trunk(describe(name, side, "maps"))
    assert maps.width == width
    maps.network.load_state_dict(pooled.network.state_dict())
    pixels = torch.randn(2, 3, side, side)
    with torch.no_grad():
        averaged = maps(pixels).view(2, pooled.width, -1).mean(2)
        torch.testing.assert_close(averaged, pooled(pixels), atol=1e-5, rtol=1e-4)


def test_maps_of_speednet_are_what_its_head_takes_the_largest_of() -> None:
    backbone = Backbone(
        *("speednet-cifar10", "zoo", "speednet", (32, 32), 3, 10, (0.5,) * 3, (0.25,) * 3),
        layer="maps",
    )
    trunk = build_trunk(backbone)
    assert trunk.width == 256 * 9
    pixels = torch.randn(2, 3, 32, 32)
    pooled = build_trunk(replace(backbone, layer="pooled"))
    pooled.network.load_state_dict(trunk.network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(trunk(pixels).view(2, 256, 9).amax(2), pooled(pixels))


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(UsageError, match=r"no backbone 'resnet19'. Did you mean .*resnet18"):
        describe("resnet19")


class TestWeights:
    @pytest.fixture
    def backbone(self) -> Backbone:
        return describe("mobilenet_v3_small", 32)

    @pytest.fixture
    def tensors(self, backbone: Backbone) -> dict[str, torch.Tensor]:
        """A whole state dict as torchvision has it, last layer included."""
        torch.manual_seed(5)
        return torchvision.models.mobilenet_v3_small(weights=None).state_dict()

    def test_the_trunk_answers_as_the_whole_network_before_its_last_layer(
        self, backbone: Backbone, tensors: dict[str, torch.Tensor]
    ) -> None:
        trunk = build_trunk(backbone)
        load_weights(backbone, trunk, tensors, "FILE")
        whole = torchvision.models.mobilenet_v3_small(weights=None).eval()
        whole.load_state_dict(tensors)
        pixels = torch.randn(2, 3, 32, 32)
        with torch.no_grad():
            logits = whole.classifier[3](trunk(pixels))
            torch.testing.assert_close(logits, whole(pixels))

    def test_a_last_layer_of_other_classes_or_none_is_no_obstacle(
        self, backbone: Backbone, tensors: dict[str, torch.Tensor]
    ) -> None:
        first, second = build_trunk(backbone), build_trunk(backbone)
        load_weights(backbone, first, tensors, "FILE")
        tensors["classifier.3.weight"] = torch.zeros(7, 1024)
        del tensors["classifier.3.bias"]
        load_weights(backbone, second, tensors, "FILE")
        assert fingerprint(first) == fingerprint(second)

    def test_what_does_not_fit_is_refused_by_name(
        self, backbone: Backbone, tensors: dict[str, torch.Tensor]
    ) -> None:
        trunk = build_trunk(backbone)
        before = fingerprint(trunk)
        lacking = {k: v for k, v in tensors.items() if not k.startswith("features.0.0")}
        cases = {
            r"missing tensors: features\.0\.0\.weight": lacking,
            r"unknown tensors: conv1\.weight": tensors | {"conv1.weight": torch.zeros(1)},
            r"features\.0\.0\.weight \[1, 3, 3, 3\] instead of \[16, 3, 3, 3\]": tensors
            | {"features.0.0.weight": torch.zeros(1, 3, 3, 3)},
            r"not all numbers are finite in features\.0\.0\.weight": tensors
            | {"features.0.0.weight": torch.full((16, 3, 3, 3), torch.nan)},
        }
        for words, given in cases.items():
            with pytest.raises(
                UsageError, match=f"FILE does not hold weights of mobilenet.*{words}"
            ):
                load_weights(backbone, trunk, given, "FILE")
        assert fingerprint(trunk) == before

    @pytest.mark.skipif(not IMAGENET.exists(), reason="ZOO_DATA has no such file")
    def test_the_shared_imagenet_weights_fit_mobilenet_v2(self) -> None:
        backbone = describe("mobilenet_v2")
        trunk = build_trunk(backbone)
        load_weights(backbone, trunk, load_file(IMAGENET), IMAGENET.name)
        assert fingerprint(trunk) != fingerprint(build_trunk(backbone))


def test_calibrated_norms_have_the_statistics_of_what_they_were_shown() -> None:
    torch.manual_seed(2)
    backbone = describe("resnet18", 32)
    trunk = build_trunk(backbone)
    pixels = 3 + 2 * torch.randn(64, 3, 32, 32)
    calibrate_norms(trunk, pixels.split(32))
    with torch.no_grad():
        seen = trunk.network.bn1(trunk.network.conv1(pixels))
    torch.testing.assert_close(seen.mean((0, 2, 3)), torch.zeros(64), atol=0.02, rtol=0)
    torch.testing.assert_close(seen.std((0, 2, 3)), torch.ones(64), atol=0.05, rtol=0)
    assert not any(module.training for module in trunk.modules())


def test_a_fingerprint_is_of_the_values() -> None:
    backbone = describe("squeezenet1_1", 32)
    torch.manual_seed(1)
    one, other = build_trunk(backbone), build_trunk(backbone)
    assert fingerprint(one) != fingerprint(other)
    other.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(other)
