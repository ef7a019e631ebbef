"""From stored pixels to training batches, a whole batch at a time, without a DataLoader.

Flip and shift never move pixels twice: they are computed on indices, and one gather then reads each
pixel of the batch from the device or from a memory-mapped file.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.frameworks.pytorch.seeds import generator
from zoo.specs.recipe import Recipe


@dataclass(frozen=True)
class EpochPlan:
    """Every random choice of one epoch, drawn at its start; row i is the i-th image shown."""

    order: Tensor  # int64 [N], indices into the stored images
    flip: Tensor  # bool [N]
    shift: Tensor  # int64 [N, 2], pixels down and right
    corner: Tensor  # int64 [N, 2], top left of the blanked square


def plan_epoch(
    indices: Tensor,
    sides: tuple[int, int],
    recipe: Recipe,
    seed: int,
    epoch: int,
    device: torch.device,
) -> EpochPlan:
    """Draw the choices of `epoch` for the images at `indices` of `sides` (height, width)."""
    draw = generator(seed, "epoch", epoch)
    count = len(indices)
    order = torch.randperm(count, generator=draw)
    if recipe.flip == "alternating":
        first = torch.rand(count, generator=generator(seed, "flip")) < 0.5
        flip = first[order] ^ bool(epoch % 2)
    elif recipe.flip == "random":
        flip = torch.rand(count, generator=draw) < 0.5
    else:
        flip = torch.zeros(count, dtype=torch.bool)
    shift = torch.randint(-recipe.shift, recipe.shift + 1, (count, 2), generator=draw)
    room = torch.tensor(sides) - recipe.cutout + 1
    corner = (torch.rand(count, 2, generator=draw) * room).long()
    choices = (indices[order], flip, shift, corner)
    return EpochPlan(*(choice.to(device, non_blocking=True) for choice in choices))


class BatchMaker:
    """Turns image indices into normalised batches on `device`.

    images: uint8 [N, H, W, C], on the device or on the host. Batches are gathered where they lie,
        with a plan that lies there too, so that only a batch's pixels are sent over;
    mean, std: per channel on the 0..1 scale.
    """

    def __init__(
        self,
        images: Tensor,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        recipe: Recipe,
        device: torch.device,
    ) -> None:
        self.images = images
        self.recipe = recipe
        self.device = device
        _, self.height, self.width, self.channels = images.shape
        # Half the bytes to work on, where the pixels can be counted with them.
        count = images.numel() // self.channels
        self.index_type = torch.int32 if count < 2**31 else torch.int64
        rows = _shifted(self.height, recipe.shift)
        columns = _shifted(self.width, recipe.shift)
        # [shift, row] and [flip, shift, column]: where each pixel comes from, for every choice.
        self.rows = (rows * self.width).to(images.device, self.index_type)
        both = torch.stack([columns, self.width - 1 - columns])
        self.columns = both.to(images.device, self.index_type)
        self.side = torch.arange(recipe.cutout, device=images.device)
        # One factor for each number of an image: a broadcast over 3 channels is 40 times slower.
        pixels = self.height * self.width
        self.scale = (1 / (255 * torch.tensor(std))).repeat(pixels).to(device)
        self.offset = (-torch.tensor(mean) / torch.tensor(std)).repeat(pixels).to(device)

    def augmented(self, plan: EpochPlan, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop` of the plan: float [B, C, H, W], channels last in memory."""
        at = slice(start, stop)
        down, right = (plan.shift[at] + self.recipe.shift).unbind(1)
        rows, columns = self.rows[down], self.columns[plan.flip[at].long(), right]
        batch = self._normalised(self._gather(plan.order[at], rows, columns))
        if self.recipe.cutout:
            self._blank(batch, plan.corner[at])
        return self._channels_first(batch)

    def plain(self, images: Tensor) -> Tensor:
        """Images uint8 [B, H, W, C] as they are: float [B, C, H, W], channels last in memory."""
        pixels = self.sent(images).reshape(len(images), -1)
        return self._channels_first(self._normalised(pixels))

    def sent(self, values: Tensor) -> Tensor:
        """Copy to the device without waiting."""
        if values.device.type == self.device.type:
            return values
        return values.pin_memory().to(self.device, non_blocking=True)

    def _gather(self, order: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        first = order[:, None].to(self.index_type) * (self.height * self.width)
        source = (first + rows)[:, :, None] + columns[:, None]
        gathered = self.images.view(-1, self.channels).index_select(0, source.view(-1))
        return self.sent(gathered.view(len(order), -1))

    def _normalised(self, pixels: Tensor) -> Tensor:
        return pixels.float().mul_(self.scale).add_(self.offset)

    def _blank(self, batch: Tensor, corner: Tensor) -> None:
        """Set a square of each image to 0, the mean colour."""
        rows, columns = corner[:, :1] + self.side, corner[:, 1:] + self.side
        image = torch.arange(len(batch), device=corner.device)[:, None, None]
        square = (image * self.height + rows[:, :, None]) * self.width + columns[:, None]
        batch.view(-1, self.channels).index_fill_(0, self.sent(square.view(-1)), 0.0)

    def _channels_first(self, batch: Tensor) -> Tensor:
        square = batch.view(-1, self.height, self.width, self.channels)
        return square.permute(0, 3, 1, 2)


def _shifted(size: int, most: int) -> Tensor:
    """Row s: the pixels seen along a side of `size` after a shift of s - `most`, int64 [., size].

    Positions beyond a border are mirrored there, without repeating the border itself.
    """
    shifts = torch.arange(-most, most + 1)[:, None]
    seen = (torch.arange(size) + shifts).abs()
    return torch.where(seen >= size, 2 * (size - 1) - seen, seen)
