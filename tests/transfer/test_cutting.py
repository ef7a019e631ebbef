"""Latents from the middle of a network: cut behind a layer, averaged on a grid, exported small."""

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.networks import network_of
from zoo.actions.export import export
from zoo.actions.train import train
from zoo.artifacts.artifact import find_artifact
from zoo.errors import UsageError
from zoo.models.filling import stored_in
from zoo.runs.options import TrainOptions
from zoo.specs.design import Backbone
from zoo.transfer.backbones import build_trunk, describe, fingerprint, load_weights
from zoo.transfer.cutting import Grid

pytestmark = pytest.mark.usefixtures("one_thread")

SPEEDNET = Backbone(
    *("speednet-cifar10", "zoo", "speednet", (32, 32), 3, 10, (0.5,) * 3, (0.25,) * 3)
)
IN_THE_MIDDLE = TrainOptions(
    data="digits",
    epochs=0.5,
    head="linear",
    backbone="resnet18",
    backbone_size=32,
    backbone_init="random",
    backbone_layer="layer1",
    backbone_grid=2,
    latents_runtime="torch",
    precision="fp32",
)


@pytest.mark.parametrize("shape", [(7, 7), (8, 8), (3, 3), (15, 9)])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_grid_averages_windows_that_cover_all_values(shape: tuple[int, int], side: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, *shape, requires_grad=True)
    found = Grid(side)(maps)
    assert found.shape == (2, 3, side, side)
    found.sum().backward()
    assert maps.grad is not None
    assert (maps.grad > 0).all()
    if all(whole % side == 0 for whole in shape) or shape == (7, 7):
        torch.testing.assert_close(found, adaptive_avg_pool2d(maps, side))


def test_a_layer_in_the_middle_answers_as_in_the_whole_network() -> None:
    torch.manual_seed(0)
    whole = build_trunk(describe("resnet18", 64))
    cut = build_trunk(describe("resnet18", 64, "layer2", 3))
    assert cut.width == 128 * 9
    tensors = whole.network.state_dict()
    load_weights(describe("resnet18", 64), cut, tensors, "FILE")
    seen = []
    whole.network.layer2.register_forward_hook(lambda _, __, maps: seen.append(maps))
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole(pixels)
        torch.testing.assert_close(cut(pixels), Grid(3)(seen[0]).flatten(1))
    assert cut.network.state_dict().keys() < tensors.keys()
    assert not any(name.startswith(("layer3", "fc")) for name in cut.network.state_dict())


def test_maps_before_the_last_pooling_are_averaged_to_a_grid_too() -> None:
    torch.manual_seed(0)
    maps = build_trunk(replace(SPEEDNET, layer="maps"))
    grid = build_trunk(replace(SPEEDNET, layer="maps", grid=1))
    grid.network.load_state_dict(maps.network.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    assert (maps.width, grid.width) == (256 * 9, 256)
    with torch.no_grad():
        torch.testing.assert_close(grid(pixels), maps(pixels).view(2, 256, 9).mean(2))


def test_weights_of_the_layers_cut_off_may_be_missing_and_others_may_not() -> None:
    backbone = replace(SPEEDNET, layer="groups.1", grid=2)
    tensors = dict(build_trunk(SPEEDNET).network.state_dict())
    kept = {name: t for name, t in tensors.items() if not name.startswith("groups.2")}
    first, second = build_trunk(backbone), build_trunk(backbone)
    load_weights(backbone, first, tensors, "FILE")
    load_weights(backbone, second, kept, "FILE")
    assert fingerprint(first) == fingerprint(second)
    del kept["groups.1.conv2.weight"]
    with pytest.raises(UsageError, match=r"missing tensors: groups\.1\.conv2\.weight"):
        load_weights(backbone, second, kept, "FILE")
    with pytest.raises(UsageError, match=r"unknown tensors: groups\.3"):
        load_weights(backbone, second, tensors | {"groups.3.weight": torch.ones(1)}, "FILE")


def test_random_weights_are_calibrated_in_a_cut_network_too() -> None:
    """speednet's first layer is set from the first images: patches come out white."""
    trunk = build_trunk(replace(SPEEDNET, layer="whiten"))
    torch.manual_seed(0)
    pixels = 3 * torch.randn(64, 3, 32, 32)
    assert trunk.calibrate is not None
    trunk.calibrate(pixels)
    with torch.no_grad():
        white = trunk.network(pixels).transpose(0, 1).flatten(1)[:12]
    torch.testing.assert_close(white.var(1), torch.ones(12), atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("name", "layer", "grid", "words"),
    [
        ("resnet18", "layr2", 1, r"no layer of this backbone 'layr2'. Did you mean .*layer2"),
        ("resnet18", "layer4", 3, r"--backbone-grid 3 is too fine: .* are 2x2"),
        (
            "vit_b_16",
            "encoder.layers.encoder_layer_0",
            1,
            r"computes \[1, 197, 768\].*Name another",
        ),
        ("swin_t", "features.1", 1, r"computes maps \[N, H, W, C\].*Name another layer"),
    ],
)
def test_a_layer_that_gives_no_latents_is_refused(
    name: str, layer: str, grid: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        build_trunk(describe(name, {"vit_b_16": 224}.get(name, 64), layer, grid))


def test_a_network_of_one_size_is_cut_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    assert build_trunk(describe("maxvit_t", 224, "blocks.0", 1)).width == 64
    with pytest.raises(UsageError, match="maxvit_t does not take images of 100x100"):
        build_trunk(describe("maxvit_t", 100, "blocks.0", 1))
    assert capfd.readouterr().err == ""


def test_what_is_exported_holds_the_layers_in_use_only(tmp_path: Path) -> None:
    run = train("transfer", IN_THE_MIDDLE, run=tmp_path / "run")
    card = run.card()
    assert card.id == "transfer-digits-resnet18-layer1-2x2-random"
    assert card.design is not None
    assert (card.design.backbone.layer, card.design.backbone.grid) == ("layer1", 2)
    assert card.parameters < 200_000
    export("transfer", run=run.folder, precisions=["fp32"], exports=tmp_path / "exports")
    artifact = find_artifact(card.id, tmp_path / "exports")
    words = (artifact.folder / "README.md").read_text(encoding="utf-8")
    assert "trained on the output of its layer layer1 (each map averaged to 2x2 values)" in words
    file = onnx.load_from_string(artifact.content("fp32.onnx"))
    stored = sum(len(tensor.raw_data) for tensor in file.graph.initializer)
    assert stored < 4.1 * card.parameters
    network = network_of(run)
    assert stored_in(file, network).keys() <= network.state_dict().keys()
