"""How fast every published file answers, for a baseline and a gate of one's own.

    tox -e bench -- -k exports --benchmark-save=base
    tox -e bench -- -k exports --benchmark-compare --benchmark-compare-fail=median:10%

One process, one arm after the other: good for a glance. `python cli.py compare` knows intervals.
"""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from zoo.artifacts.artifact import Artifact, list_artifacts
from zoo.errors import UnavailableError
from zoo.ort.providers import find_provider
from zoo.ort.signature import Signature

FILES = [
    pytest.param(artifact, precision, id=f"{artifact.id}-{precision}")
    for artifact in list_artifacts()
    for precision in artifact.precisions
]


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("provider", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
@pytest.mark.parametrize(("artifact", "precision"), FILES)
def test_exports(
    benchmark: BenchmarkFixture, artifact: Artifact, precision: str, provider: str, batch: int
) -> None:
    try:
        find_provider(provider)
    except UnavailableError as error:
        pytest.skip(str(error))
    session = artifact.session(precision, provider=provider)
    signature = Signature.of(session)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (batch, *signature.image_shape), dtype=np.uint8)
    feeds = signature.prepare(images)
    benchmark.extra_info |= {"artifact": artifact.id, "precision": precision, "batch": batch}
    (logits,) = benchmark(session.run, feeds)
    assert logits.shape == (batch, signature.classes)
