import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zoo.frameworks.pytorch.counting import FlopCount
from zoo.specs.catalog import find_model


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.embed(x.flatten(2).mT)).mean(1)


@pytest.mark.parametrize("name", ["mlp", "cnn", "speednet", "attention"])
@pytest.mark.parametrize("training", [True, False])
def test_it_counts_what_torch_counts(name: str, training: bool) -> None:
    network = Attention() if name == "attention" else find_model(name).build((16, 16, 3), 4)
    network.train(training)
    totals = []
    for counter in (FlopCount(), FlopCounterMode(display=False)):
        with counter, torch.set_grad_enabled(training):
            found = network(torch.ones(2, 3, 16, 16))
            if training:
                found.sum().backward()
        totals.append(
            counter.total if isinstance(counter, FlopCount) else counter.get_total_flops()
        )
    assert totals[0] == totals[1] > 0


def test_a_formula_of_ones_own_takes_the_place_of_torchs() -> None:
    with FlopCount({torch.ops.aten.mm: lambda one, other, **named: one[0] * other[1]}) as counted:
        torch.ones(3, 5) @ torch.ones(5, 7)
    assert counted.total == 21
