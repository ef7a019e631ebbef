"""The flow of a graph: cut where everything passes, folded where neighbours are alike."""

import re

import numpy as np

from zoo.drawing.flow import Fold, Piece, cut_up, edges_of
from zoo.drawing.flow_page import draw_flow
from zoo.drawing.inside import Step

Made = tuple[str, str, tuple[str, ...]]


def steps_of(*made: Made, **more: object) -> list[Step]:
    values = np.zeros(3, np.float32)
    kinds = {"Relu": "activation", "Add": "sum"}
    return [
        Step(name, kinds.get(operator, "convolution"), operator, 0, values, takes=takes, **more)
        for name, operator, takes in made
    ]


def residual(blocks: int) -> list[Made]:
    """A stem, and blocks of two convolutions with a sum and an activation behind it."""
    made: list[Made] = [("stem", "Conv", ()), ("pool", "MaxPool", ("stem",))]
    before = "pool"
    for at in range(blocks):
        a, b, c, s, r = (f"{name}{at}" for name in "abcsr")
        made += [(a, "Conv", (before,)), (b, "Relu", (a,)), (c, "Conv", (b,))]
        made += [(s, "Add", (c, before)), (r, "Relu", (s,))]
        before = r
    return [*made, ("head", "Gemm", (before,))]


def dense(layers: int) -> list[Made]:
    """Every layer sees all before it: one block without a cut."""
    made: list[Made] = [("stem", "Conv", ())]
    for at in range(layers):
        made.append((f"c{at}", "Conv", tuple(name for name, _, _ in made)))
    return [*made, ("head", "Gemm", (made[-1][0],))]


def test_a_small_network_is_drawn_in_one_piece() -> None:
    steps = steps_of(*residual(2))
    assert cut_up(steps) == [Piece(0, len(steps))]
    assert cut_up([]) == []
    assert edges_of(steps)[:2] == [(-1,), (0,)]
    assert edges_of(steps)[5] == (1, 4)


def test_blocks_that_are_alike_are_folded() -> None:
    stem, fold, head = cut_up(steps_of(*residual(5)))
    assert stem == Piece(0, 2)
    assert isinstance(fold, Fold)
    assert fold.pieces == tuple(Piece(2 + 5 * n, 7 + 5 * n) for n in range(5))
    assert head == Piece(27, 28)


def test_a_block_without_a_cut_is_one() -> None:
    steps = steps_of(*dense(30))
    found = cut_up(steps)
    assert [(part.start, part.stop) for part in found] == [(0, 1), (1, 31), (31, 32)]
    assert isinstance(found[1], Fold)


def test_chains_are_folded_where_they_come_three_times() -> None:
    names = [(f"l{at}", "Conv" if at % 2 else "Relu") for at in range(26)]
    made = [(name, operator, (f"l{at - 1}",) if at else ()) for at, (name, operator) in
            enumerate(names)]  # fmt: skip
    (fold,) = [part for part in cut_up(steps_of(*made)) if isinstance(part, Fold)]
    assert len(fold.pieces) >= 12


def test_every_layer_is_in_it_once_whatever_the_graph() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        count = int(random.integers(1, 80))
        made = [
            (
                f"l{at}",
                str(random.choice(["Conv", "Relu", "Add"])),
                tuple({f"l{int(random.integers(max(0, at - 6), at))}" for _ in range(2)})
                if at
                else (),
            )
            for at in range(count)
        ]
        steps = steps_of(*made)
        parts = cut_up(steps)
        pieces = [
            piece
            for part in parts
            for piece in (part.pieces if isinstance(part, Fold) else (part,))
        ]
        covered = [at for piece in pieces for at in range(piece.start, piece.stop)]
        assert covered == list(range(count))
        links = re.findall(r'href="#p-(\d+)"', draw_flow(steps, "p"))
        assert links == [str(at + 1) for at in range(count)]


def test_branches_go_beside_the_nodes_and_colours_follow_the_time() -> None:
    steps = steps_of(*residual(1), share=0.1)
    heavy = [*steps[:-1], steps_of(("head", "Gemm", ("r0",)), share=0.4)[0]]
    page = draw_flow(heavy, "p")
    heats = [int(heat) for heat in re.findall(r"--h: (\d+)%", page)]
    assert heats[:-1] == [12] * 7
    assert heats[-1] == 48
    assert "40.0% of the time" in page
    (edge,) = re.findall(r'<path d="([^"]+)" class="edge"', page)
    assert edge.count("H") == 2  # one branch: out to its lane, and back


def test_hostile_names_are_text() -> None:
    page = draw_flow(steps_of(('"><b>x', "Conv", ())), "p")
    assert "<b>" not in page
