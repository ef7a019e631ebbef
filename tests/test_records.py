"""JSON that anybody may have written becomes what is declared, or an error that names the part."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from zoo.records import read


@dataclass(frozen=True)
class Part:
    name: str
    share: float = 0.5


@dataclass(frozen=True)
class Whole:
    count: int
    parts: dict[str, Part]
    shape: tuple[int, int]
    names: tuple[str, ...] = ()
    extra: Part | None = None
    free: dict[str, Any] = field(default_factory=dict)
    side: Literal["left", "right"] = "left"


GOOD: dict[str, Any] = {"count": 3, "parts": {"a": {"name": "x"}}, "shape": [1, 2]}


def test_all_kinds() -> None:
    more = {"names": ["b"], "extra": {"name": "y", "share": 1}, "free": {"any": [None]}}
    assert read(Whole, GOOD | more, "it") == Whole(
        3, {"a": Part("x")}, (1, 2), ("b",), Part("y", 1.0), {"any": [None]}
    )
    assert read(Whole, GOOD | {"side": "right"}, "it").side == "right"
    assert read(Whole, GOOD | {"extra": None}, "it") == Whole(3, {"a": Part("x")}, (1, 2))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "it is not an object"),
        ([], "it is not an object"),
        ({"count": 3, "shape": [1, 2]}, "it has no parts"),
        (GOOD | {"colour": 1}, "it has unknown fields: colour"),
        (GOOD | {"count": "3"}, "it.count is not of type int"),
        (GOOD | {"count": 3.0}, "it.count is not of type int"),
        (GOOD | {"count": True}, "it.count is not of type int"),
        (GOOD | {"count": None}, "it.count is not of type int"),
        (GOOD | {"shape": [1, 2, 3]}, "it.shape is not of type tuple"),
        (GOOD | {"shape": "12"}, "it.shape is not of type tuple"),
        (GOOD | {"shape": [1, "2"]}, "it.shape[1] is not of type int"),
        (GOOD | {"names": ["a", 1]}, "it.names[1] is not of type str"),
        (GOOD | {"extra": 1}, "it.extra is not an object"),
        (GOOD | {"free": []}, "it.free is not of type dict"),
        (GOOD | {"side": "middle"}, "it.side is not of type Literal"),
        (
            GOOD | {"parts": {"a": {"name": "x", "share": "y"}}},
            "it.parts.a.share is not of type float",
        ),
        (
            GOOD | {"extra": {"name": "x", "share": float("nan")}},
            "it.extra.share is not of type float",
        ),
        (GOOD | {"extra": {"name": "x", "share": 10**400}}, "it.extra.share is not of type float"),
    ],
    ids=str,
)
def test_the_part_that_is_wrong_is_named(value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        read(Whole, value, "it")
