"""What a new file may be worse by: placement and size are plain numbers."""

import math
from typing import Any

import pytest

from tests.bench.regression.two_sweeps import Compare, cell, changed
from zoo.errors import UsageError


@pytest.mark.parametrize(
    ("base", "new", "breach"),
    [
        ({}, {"placed_share": 0.9}, True),
        ({}, {"elsewhere": "Conv on the CPU"}, True),
        ({"elsewhere": "Conv"}, {"elsewhere": "Conv"}, False),
        ({"placed_share": 0.9}, {"placed_share": 1.0}, False),
        # One node of 40 elsewhere, then one of 30: nothing moved.
        ({"placed_share": 39 / 40}, {"nodes": 30, "placed_share": 29 / 30}, False),
        ({"placed_share": 39 / 40}, {"nodes": 30, "placed_share": 28 / 30}, True),
    ],
)
def test_placement(
    compare: Compare, base: dict[str, Any], new: dict[str, Any], breach: bool
) -> None:
    found = compare([cell(**base)], [changed(**new)])
    assert [one.kind for one in found.breaches] == (["placement"] if breach else [])


def test_placement_that_is_not_known_any_more_is_inconclusive(compare: Compare) -> None:
    assert "placement" in compare([cell()], [changed(placed_share=None)]).rows[0].inconclusive


def test_growth_is_a_breach_where_it_is_limited(compare: Compare) -> None:
    base = [cell(), cell(batch=8)]
    new = [changed(file_bytes=1_200_000), changed(batch=8, file_bytes=1_200_000)]
    assert compare(base, new).breaches == ()
    found = compare(base, new, max_growth=0.1)
    assert [(one.kind, one.what, one.text) for one in found.breaches] == [
        ("size", "cnn fp32", "1.2 MB (+20.0 %)")
    ]
    assert compare(base, new, max_growth=0.2).breaches == ()


@pytest.mark.parametrize(
    "limit", [{"max_slowdown": -0.1}, {"margin": math.nan}, {"max_growth": math.inf}]
)
def test_limits_that_make_no_sense_are_refused(compare: Compare, limit: dict[str, float]) -> None:
    option = f"--{next(iter(limit)).replace('_', '-')}"
    with pytest.raises(UsageError, match=f"{option} is"):
        compare([cell()], [cell()], **limit)
