"""The whole network of transfer learning: what the head was trained on is what it gets."""

import numpy as np
import onnx_ir as ir
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate

from zoo.frameworks.pytorch.convert import convert
from zoo.models.filling import fill
from zoo.models.resize import INTERPOLATIONS, Resize
from zoo.ort.session import open_session
from zoo.specs.design import HIDDEN, Design, head_words
from zoo.transfer.backbones import describe
from zoo.transfer.network import Standard, Transfer, build, make_head, normalisation

pytestmark = pytest.mark.usefixtures("one_thread")


class TestResize:
    @pytest.mark.parametrize("interpolation", INTERPOLATIONS)
    @pytest.mark.parametrize(
        ("source", "size"), [((32, 32), (75, 75)), ((20, 40), (33, 31)), ((64, 48), (16, 16))]
    )
    def test_it_is_the_interpolation_of_torch(
        self, source: tuple[int, int], size: tuple[int, int], interpolation: str
    ) -> None:
        pixels = torch.randn(2, 3, *source)
        wanted = interpolate(pixels, size, mode=interpolation, antialias=True)
        found = Resize(source, size, interpolation)(pixels)
        torch.testing.assert_close(found, wanted, atol=3e-6, rtol=0)

    @pytest.mark.parametrize("interpolation", INTERPOLATIONS)
    def test_it_is_that_of_pillow_but_for_its_rounding(self, interpolation: str) -> None:
        pixels = np.random.default_rng(0).integers(64, 192, (32, 32, 3), np.uint8)
        how = getattr(Image.Resampling, interpolation.upper())
        wanted = np.asarray(Image.fromarray(pixels).resize((75, 50), how)).astype(np.float32)
        planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        found = Resize((32, 32), (50, 75), interpolation)(planes)[0].permute(1, 2, 0)
        # It rounds twice, between rows and columns too, and bicubic weights may enlarge an error.
        assert np.abs(found.numpy() - wanted).max() < 1.2

    @pytest.mark.parametrize("interpolation", INTERPOLATIONS)
    def test_onnxruntime_resizes_in_the_same_way(self, interpolation: str) -> None:
        resize = Resize((32, 32), (75, 75), interpolation)
        model = ir.to_proto(convert(resize, (32, 32, 3), (0.5,) * 3, (0.25,) * 3))
        assert {node.op_type for node in model.graph.node} <= {
            *("Transpose", "Cast", "Mul", "Add", "MatMul")
        }
        images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
        (found,) = open_session(model.SerializeToString()).run({"image": images})
        pixels = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        np.testing.assert_allclose(found, resize(pixels), atol=3e-6)


def test_latents_are_standardised_by_numbers_that_are_kept() -> None:
    torch.manual_seed(0)
    latents = torch.rand(50, 6) * torch.tensor([1.0, 10, 0.1, 5, 1, 1]) + 3
    standard = Standard(latents.mean(0), latents.std(0))
    found = standard(latents)
    torch.testing.assert_close(found.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(0), torch.ones(6))
    assert set(standard.state_dict()) == {"mean", "std"}


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("linear", [(4, 6), (4,)]),
        ("hidden", [(HIDDEN, 6), (HIDDEN,), (4, HIDDEN), (4,)]),
        ("7", [(7, 6), (7,), (4, 7), (4,)]),
    ],
)
def test_a_head_has_as_many_hidden_units_as_its_name_says(
    kind: str, shapes: list[tuple[int, ...]]
) -> None:
    assert [tuple(part.shape) for part in make_head(kind, 6, 4).parameters()] == shapes


def test_a_head_in_words() -> None:
    assert head_words("linear") == "linear head"
    assert head_words("hidden") == f"head with {HIDDEN} hidden units"
    assert head_words("7") == "head with 7 hidden units"


class TestTransfer:
    def test_grey_images_are_seen_as_colours_of_equal_parts(self) -> None:
        backbone = describe("squeezenet1_1", 32)
        torch.manual_seed(0)
        network = build(Design(backbone, "linear"), (20, 24, 1), 5).eval()
        grey = torch.rand(2, 1, 20, 24)
        colour = (grey.expand(-1, 3, -1, -1) - torch.tensor(backbone.mean).view(-1, 1, 1)) / (
            torch.tensor(backbone.std).view(-1, 1, 1)
        )
        twin = Transfer(backbone, _trunk_of(network), (20, 24, 3), network.head).eval()
        torch.testing.assert_close(network(grey), twin(colour), atol=1e-5, rtol=1e-4)
        assert normalisation(backbone, 1) == ((0.0,), (1.0,))
        assert normalisation(backbone, 3) == (backbone.mean, backbone.std)

    def test_with_flip_average_a_mirrored_image_is_the_same(self) -> None:
        design = Design(describe("squeezenet1_1", 32), "hidden", flip_average=True)
        network = build(design, (16, 16, 3), 5).eval()
        pixels = torch.randn(2, 3, 16, 16)
        torch.testing.assert_close(network(pixels), network(pixels.flip(-1)), atol=1e-6, rtol=1e-5)

    def test_images_of_the_backbones_own_size_are_not_resized(self) -> None:
        network = build(Design(describe("squeezenet1_1", 32), "linear"), (32, 32, 3), 5)
        assert isinstance(network.resize, nn.Identity)


def _trunk_of(network: Transfer) -> nn.Module:
    """Something whose network is the same backbone."""
    holder = nn.Module()
    holder.network = network.backbone
    return holder


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shufflenet_v2_x0_5", "its nodes have several results"),
        ("mnasnet0_5", "it wants to know the version of its weights"),
    ],
)
def test_backbones_that_are_built_otherwise_are_kept_and_converted(name: str, why: str) -> None:
    design = Design(describe(name, 32), "linear")
    torch.manual_seed(0)
    kept = build(design, (32, 32, 3), 4).state_dict()
    torch.manual_seed(1)
    network = build(design, (32, 32, 3), 4).eval()
    fill(network, dict(kept))
    torch.testing.assert_close(network.state_dict(), kept, rtol=0, atol=0)
    mean, std = normalisation(design.backbone, 3)
    model = ir.to_proto(convert(network, (32, 32, 3), mean, std))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    (found,) = open_session(model.SerializeToString()).run({"image": images})
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)
    with torch.inference_mode():
        wanted = network(pixels)
    np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)


def test_what_does_not_fit_is_not_filled_in() -> None:
    network = nn.Linear(2, 3)
    for wrong in ({"weight": torch.zeros(3, 2)}, dict(nn.Linear(2, 4).state_dict())):
        with pytest.raises(RuntimeError, match=r"bias"):
            fill(network, wrong)


@pytest.mark.parametrize("model", ["mobilenet_v3_small", "squeezenet1_1"])
def test_in_training_the_backbone_gives_the_latents_that_the_head_knows(model: str) -> None:
    """One has batch normalisations, the other dropout in what is left of its end."""
    backbone = describe(model, 32)
    network = build(Design(backbone, "hidden"), (32, 32, 3), 10).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pixels = torch.randn(4, 3, 32, 32) + 5
    network(pixels)
    latents = network.latents(pixels)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert network.head.training  # its dropout is at work
    torch.testing.assert_close(network.eval().latents(pixels), latents, rtol=0, atol=0)
