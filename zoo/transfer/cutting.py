"""A backbone cut off behind one of its layers, so that latents can be taken from the middle of it.

The last layers of a network are specialised in the classes that it was trained on. What an earlier
one computes often tells other classes apart better, and the layers behind it need not be stored.
"""

from torch import Tensor, fx, nn

from zoo.errors import UsageError, unknown_name

_LATENTS, _GRID = "latents", "latents_grid"


class Grid(nn.Module):
    """Maps float [N, C, H, W] averaged to side x side values each; anything else as it is."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:
            return x
        height, width = x.shape[2:]
        if self.side > min(height, width):
            raise UsageError(
                f"--backbone-grid {self.side} is too fine: the maps of that layer are "
                f"{height}x{width}."
            )
        down, right = height // self.side, width // self.side
        window = (height - (self.side - 1) * down, width - (self.side - 1) * right)
        return nn.functional.avg_pool2d(x, window, (down, right))


def cut_behind(network: nn.Module, layer: str, grid: int) -> nn.Module:
    """The part of a network in evaluation mode that computes the output of a layer.

    Its weights are the network's own, under the same names. grid: see `Grid`; 0 for none.
    """
    from torchvision.models.feature_extraction import create_feature_extractor

    names = [name for name, _ in network.named_modules() if name]
    if layer not in names:
        raise unknown_name("layer of this backbone", layer, names)
    try:
        part = create_feature_extractor(
            network.eval(), {layer: _LATENTS}, suppress_diff_warning=True
        )
    except (fx.proxy.TraceError, TypeError, ValueError) as error:
        raise UsageError(
            f"this backbone cannot be cut behind {layer} ({str(error).splitlines()[0]}). "
            "Name another --backbone-layer."
        ) from error
    part.add_module(_GRID, Grid(grid) if grid else nn.Identity())
    graph = part.graph
    output = next(node for node in graph.nodes if node.op == "output")
    with graph.inserting_before(output):
        output.args = (graph.call_module(_GRID, (output.args[0][_LATENTS],)),)
    return fx.GraphModule(part, graph)


def check_latents(name: str, layer: str, latents: object) -> Tensor:
    """What a layer computes for one image, if it is something that a head can stand on."""
    if not isinstance(latents, Tensor) or latents.dim() not in (2, 4):
        kind = list(latents.shape) if isinstance(latents, Tensor) else type(latents).__name__
        raise UsageError(
            f"--backbone-layer {layer} of {name} computes {kind}, and latents are maps "
            "[N, C, H, W] or values [N, C]. Name another layer."
        )
    return latents
