"""Options of a GPU, which two commands refuse alike where none computes."""

import pytest

from bench.runtimes.gpu_options import check_boundaries, check_gpu_options
from zoo.errors import UsageError


@pytest.mark.parametrize(
    ("providers", "boundaries", "tf32", "cuda_graph", "told"),
    [
        (("cpu",), (), True, False, "--tf32: this needs a GPU, but --provider is cpu"),
        (("cpu",), ("host",), True, True, "--tf32 and --cuda-graph: this needs a GPU"),
        (("tensorrt",), ("device",), False, True, "--provider is tensorrt"),
        (("cuda",), ("host",), False, True, "add --boundary device"),
    ],
)
def test_they_are_refused(
    providers: tuple[str, ...],
    boundaries: tuple[str, ...],
    tf32: bool,
    cuda_graph: bool,
    told: str,
) -> None:
    with pytest.raises(UsageError, match=told):
        check_gpu_options(providers, boundaries, tf32=tf32, cuda_graph=cuda_graph)


@pytest.mark.parametrize("boundaries", [(), ("host", "device"), ("device",)])
def test_on_a_gpu_they_are_taken(boundaries: tuple[str, ...]) -> None:
    check_gpu_options(("cpu", "cuda"), boundaries, tf32=True, cuda_graph=True)
    check_gpu_options(("cpu",), boundaries, tf32=False, cuda_graph=False)


def test_near_boundaries_are_offered() -> None:
    check_boundaries(("host", "device"))
    with pytest.raises(UsageError, match="Did you mean host"):
        check_boundaries(("hots",))
