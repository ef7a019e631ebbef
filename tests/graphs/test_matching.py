"""Which layers go together: by name, by place, folded or padded; the others are named with why."""

from dataclasses import replace

import pytest

from zoo.graphs.anatomy import Layer
from zoo.graphs.matching import Place, in_flow, match

KINDS = {
    "Conv": "convolution",
    "Relu": "activation",
    "MaxPool": "pooling",
    "BatchNormalization": "normalisation",
    "Gemm": "linear",
    "Add": "sum",
    "Mul": "scale and shift",
}


def place(
    name: str, *takes: str, shape: tuple[int, ...] = (8, 4, 4), operator: str = "", folds: str = ""
) -> Place:
    operator = operator or name.split("_")[0]
    layer = Layer(name, name, operator, KINDS[operator], 0, takes, folds_into=folds)
    return Place(layer, shape)


CHAIN = [place("Conv_0"), place("Relu_0", "Conv_0"), place("Gemm_0", "Relu_0", shape=(10,))]
# What branches, and comes together again
BRANCHES = [
    place("Conv_0"),
    place("Conv_1", "Conv_0"),
    place("Relu_1", "Conv_1"),
    place("Conv_2", "Conv_0"),
    place("Add_0", "Relu_1", "Conv_2"),
]


def renamed(places: list[Place]) -> list[Place]:
    def other(name: str) -> str:
        return f"other/{name}" if name else ""

    return [
        replace(
            one,
            layer=replace(
                one.layer,
                name=other(one.name),
                takes=tuple(map(other, one.layer.takes)),
                folds_into=other(one.layer.folds_into),
            ),
        )
        for one in places
    ]


def pairs(a: list[Place], b: list[Place]) -> list[tuple[str, str, str]]:
    return [(one.a, one.b, one.how) for one in match(a, b).pairs]


@pytest.mark.parametrize("places", [CHAIN, BRANCHES], ids=["chain", "branches"])
def test_same_names_go_together_in_any_order_of_nodes(places: list[Place]) -> None:
    found = pairs(places, places[::-1])
    assert sorted(found) == sorted((one.name, one.name, "name") for one in places)


@pytest.mark.parametrize("places", [CHAIN, BRANCHES], ids=["chain", "branches"])
def test_other_names_go_by_place_in_any_order_of_nodes(places: list[Place]) -> None:
    found = match(places, renamed(places)[::-1])
    assert {(one.a, one.b, one.how) for one in found.pairs} == {
        (one.name, f"other/{one.name}", "place") for one in places
    }
    assert found.only_a == found.only_b == ()


def test_the_walk_depends_on_the_graph_alone() -> None:
    names = [one.name for one in in_flow(BRANCHES)]
    assert names == ["Conv_0", "Conv_1", "Relu_1", "Conv_2", "Add_0"]
    mixed = [BRANCHES[at] for at in (3, 0, 4, 2, 1)]
    assert [one.name for one in in_flow(mixed)] == names


def test_a_layer_more_in_the_middle_moves_nothing() -> None:
    more = [
        *renamed(CHAIN[:2]),
        place("MaxPool_x", "other/Relu_0"),
        place("out", "MaxPool_x", shape=(10,), operator="Gemm"),
    ]
    found = match(CHAIN, more)
    assert [one.b for one in found.pairs] == ["other/Conv_0", "other/Relu_0", "out"]
    (alone,) = found.only_b
    assert alone.name == "MaxPool_x"
    assert alone.reason == "A has no such layer; what it does is part of out"


class TestFolding:
    PLAIN = (
        place("Conv_0"),
        place("BatchNormalization_0", "Conv_0", folds="Conv_0"),
        place("Relu_0", "BatchNormalization_0"),
    )
    FOLDED = (place("Conv_0"), place("Relu_0", "Conv_0"))

    def test_a_folded_normalisation_goes_with_the_layer_that_holds_it(self) -> None:
        found = match(self.PLAIN, self.FOLDED)
        assert [(one.a, one.b, one.how) for one in found.pairs] == [
            ("BatchNormalization_0", "Conv_0", "folded"),
            ("Relu_0", "Relu_0", "name"),
        ]
        assert "folded into Conv_0 in B" in found.pairs[0].note
        assert [one.name for one in found.only_a] == ["Conv_0"]

    def test_either_way_round_and_under_other_names(self) -> None:
        found = match(renamed(list(self.FOLDED)), self.PLAIN)
        assert [(one.a, one.b, one.how) for one in found.pairs] == [
            ("other/Conv_0", "BatchNormalization_0", "folded"),
            ("other/Relu_0", "Relu_0", "place"),
        ]
        assert [one.name for one in found.only_b] == ["Conv_0"]
        assert "in A" in found.pairs[0].note

    def test_behind_a_pooling(self) -> None:
        plain = [
            place("Conv_0"),
            place("MaxPool_0", "Conv_0"),
            place("BatchNormalization_0", "MaxPool_0", folds="Conv_0"),
        ]
        found = match(plain, plain[:2])
        assert [(one.a, one.b) for one in found.pairs] == [("BatchNormalization_0", "MaxPool_0")]
        assert [one.name for one in found.only_a] == ["Conv_0", "MaxPool_0"]
        assert [one.name for one in found.only_b] == ["Conv_0"]

    def test_one_that_became_a_product_and_a_sum(self) -> None:
        a = [place("Relu_0"), place("BatchNormalization_0", "Relu_0")]
        b = [place("Relu_0"), place("moved", "Relu_0", operator="Mul")]
        assert pairs(a, b)[1] == ("BatchNormalization_0", "moved", "place")


class TestShapes:
    def test_padded_channels_are_cut_and_named(self) -> None:
        (pair,) = match([place("Gemm_0", shape=(50,))], [place("Gemm_0", shape=(64,))]).pairs
        assert pair.note == "14 padded channels of B are cut"
        (turned,) = match([place("Gemm_0", shape=(64,))], [place("Gemm_0", shape=(50,))]).pairs
        assert turned.note == "14 padded channels of A are cut"

    def test_sides_of_one_are_of_no_account(self) -> None:
        a, b = place("MaxPool_0", shape=(8, 1, 1)), place("MaxPool_0", shape=(8,))
        assert pairs([a], [b]) == [("MaxPool_0", "MaxPool_0", "name")]

    def test_another_shape_is_said(self) -> None:
        found = match([place("Conv_0", shape=(8, 4, 4))], [place("Conv_0", shape=(9, 4, 4))])
        assert found.pairs == ()
        assert found.only_a[0].reason == "its shape is 8x4x4 here, and 9x4x4 in B"

    def test_integers_are_not_held_against_floats(self) -> None:
        found = match([place("Conv_0")], [replace(place("Conv_0"), integers=True)])
        assert found.pairs == ()
        assert "integers" in found.only_b[0].reason
