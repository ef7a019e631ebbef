"""The graph of a network as an SVG from top to bottom, with repeated blocks folded.

A node is a link to its layer, so that a click or Enter opens it; a fold is a `details` element that
the browser opens and closes. Neither needs a script.
"""

from collections.abc import Sequence

from zoo.drawing.flow import Fold, Piece, cut_up, edges_of
from zoo.drawing.inside import Step
from zoo.drawing.markup import Markup, tag

_WIDE, _HIGH, _GAP = 340, 24, 10  # pixels: a drawing, a node in it, and from node to node
_EDGE, _LANE, _MOST_LANES = 8, 7, 8  # the margin, and the lanes of branches beside the nodes
_LETTER = 6.6  # pixels of a letter, about
_STRONGEST = 48  # percent of the colour in the node that takes most of the time


def draw_flow(steps: Sequence[Step], prefix: str) -> Markup:
    """All of it. prefix: of the ids of the layers, `<prefix>-<n>`."""
    flow = _Flow(steps, prefix)
    return tag("div", *map(flow.part, cut_up(steps)), class_="flow")


class _Flow:
    """What all parts of the drawing share."""

    def __init__(self, steps: Sequence[Step], prefix: str) -> None:
        self.steps, self.prefix = steps, prefix
        self.edges = edges_of(steps)
        self.most = max((step.share or 0.0 for step in steps), default=0.0)

    def part(self, part: Piece | Fold) -> Markup:
        """A drawing, or a fold with its drawings."""
        if isinstance(part, Piece):
            return self._drawing(part)
        first, last = self.steps[part.start], self.steps[part.stop - 1]
        each = part.pieces[0].stop - part.pieces[0].start
        many = len(part.pieces)
        what = f"{many} blocks of {each} layers" if many > 1 else f"a block of {each} layers"
        share = self._share(part)
        inner = [self._piece(piece, named=many > 1) for piece in part.pieces]
        return tag(
            "details",
            tag(
                "summary",
                tag("span", what, class_="what"),
                tag("span", f"{share:.1%}" if self.most else "", class_="share"),
                tag("small", f"{first.name} to {last.name}"),
                style=f"--h: {self._heat(share)}%",
            ),
            *inner,
        )

    def _piece(self, piece: Piece, *, named: bool) -> Markup:
        if not named:
            return self._drawing(piece)
        first, last = self.steps[piece.start], self.steps[piece.stop - 1]
        words = f"{first.name} to {last.name}"
        if self.most:
            words += f", {self._share(piece):.1%}"
        return tag("div", tag("small", words), self._drawing(piece))

    def _share(self, part: Piece | Fold) -> float:
        return sum(step.share or 0.0 for step in self.steps[part.start : part.stop])

    def _heat(self, share: float) -> int:
        """Percent of the colour."""
        return round(_STRONGEST * min(1.0, share / self.most)) if self.most else 0

    def _drawing(self, piece: Piece) -> Markup:
        """Nodes from top to bottom; branches that skip some run in lanes beside them."""
        count = piece.stop - piece.start
        branches = self._branches(piece)
        lanes = _lanes(branches)
        left = _EDGE + _LANE * (1 + max(lanes, default=-1))
        height = count * (_HIGH + _GAP) + _GAP
        middle = (left + _WIDE) / 2
        lines = [
            f"M{middle:.1f} {self._top(at) - _GAP}v{_GAP}"
            for at in range(count + 1)
            if at in (0, count) or piece.start + at - 1 in self.edges[piece.start + at]
        ]
        for (start, stop), lane in zip(branches, lanes, strict=True):
            across = left - _LANE * (lane + 1)
            begin = (
                f"M{left} {self._top(start) + _HIGH / 2}H{across}"
                if start >= 0
                else (f"M{middle:.1f} 1H{across}")
            )
            end = f"V{self._top(stop) + _HIGH / 2}H{left}" if stop < count else f"V{height}"
            lines.append(begin + end)
        names = f"{self.steps[piece.start].name} to {self.steps[piece.stop - 1].name}"
        return tag(
            "svg",
            tag("path", d="".join(lines), class_="edge"),
            *(self._node(piece.start + at, self._top(at), left) for at in range(count)),
            viewBox=f"0 0 {_WIDE} {height}",
            role="group",
            aria_label=f"Flow from {names}" if count > 1 else f"Flow through {names}",
        )

    def _branches(self, piece: Piece) -> list[tuple[int, int]]:
        """The start and end of each branch in the piece; -1 is above it."""
        return [
            (max(-1, before - piece.start), at - piece.start)
            for at in range(piece.start, piece.stop)
            for before in self.edges[at]
            if at - before > 1
        ]

    @staticmethod
    def _top(at: int) -> int:
        return _GAP + at * (_HIGH + _GAP)

    def _node(self, at: int, top: int, left: int) -> Markup:
        step = self.steps[at]
        told = f"{step.share:.1%}" if step.share is not None else ""
        if step.step_of:
            told = "one step"
        room = int((_WIDE - left - 20 - _LETTER * len(told)) / _LETTER)
        words = [step.kind, step.shape]
        if step.step_of:
            words.append(f"computed in one step with {step.step_of}")
        elif told:
            words.append(f"{told} of the time")
        return tag(
            "a",
            tag("title", f"{step.name}: {', '.join(words)}"),
            tag(
                "rect",
                x=left,
                y=top,
                width=_WIDE - left - 1,
                height=_HIGH,
                rx=4,
                style=f"--h: {self._heat(step.share or 0.0)}%",
            ),
            tag("text", _short(step.name, room), x=left + 8, y=top + 16.5),
            tag("text", told, x=_WIDE - 9, y=top + 16.5, text_anchor="end") if told else "",
            href=f"#{self.prefix}-{at + 1}",
            class_="soft" if step.step_of else None,
        )


def _lanes(branches: Sequence[tuple[int, int]]) -> list[int]:
    """A lane for each branch, inner ones for short branches; two that do not overlap share one."""
    taken: list[list[tuple[int, int]]] = []
    lanes = [0] * len(branches)
    for at in sorted(range(len(branches)), key=lambda at: branches[at][1] - branches[at][0]):
        start, stop = branches[at]
        free = next(
            (
                lane
                for lane, others in enumerate(taken)
                if all(stop <= other[0] or start >= other[1] for other in others)
            ),
            len(taken),
        )
        lane = min(free, _MOST_LANES - 1)
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, stop))
        lanes[at] = lane
    return lanes


def _short(name: str, letters: int) -> str:
    """Shorten a name, keeping its end, which says more than its beginning."""
    return name if len(name) <= letters else f"…{name[1 - letters :]}"
