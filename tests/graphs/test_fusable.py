"""What ONNX Runtime merges where it finds a MatMul, and the way back."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from torch import nn

from tests.networks import MEAN, SIDE, STD
from zoo.frameworks.pytorch.convert import convert
from zoo.graphs.fusable import fusable, unfused
from zoo.ort.session import open_session


@pytest.mark.parametrize("bias", [False, True])
def test_a_normalisation_behind_a_linear_layer_costs_no_node_when_it_runs(
    bias: bool,
) -> None:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(768, 8, bias=bias), nn.BatchNorm1d(8), nn.Linear(8, 3)]
    net = nn.Sequential(*layers)
    net(torch.randn(64, 3, SIDE, SIDE))  # statistics that matter
    plain = convert(net.eval(), (SIDE, SIDE, 3), MEAN, STD)
    proto = ir.to_proto(fusable(plain))
    onnx.checker.check_model(proto, full_check=True)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    np.testing.assert_array_equal(stored["1.weight"], layers[1].weight.detach())
    operators = [node.op_type for node in proto.graph.node]
    assert operators.count("MatMul") == (not bias)
    images = np.random.default_rng(0).integers(0, 256, (7, SIDE, SIDE, 3), dtype=np.uint8)
    first, second = (
        open_session(model.SerializeToString()) for model in (ir.to_proto(plain), proto)
    )
    answers = [session.run({"image": images})[0] for session in (first, second)]
    np.testing.assert_allclose(*answers, rtol=1e-5, atol=1e-5)
    ran = [operator for _, _, operator in second._placed()]
    assert ran.count("BatchNormalization") == bias
    contents = [ir.to_proto(model).SerializeToString(deterministic=True)
                for model in (plain, unfused(ir.from_proto(proto)))]  # fmt: skip
    assert contents[0] == contents[1]
