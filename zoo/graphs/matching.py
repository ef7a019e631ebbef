"""Match the layers of one graph, A, with those of another, B, that should compute the same.

Both are walked from their ends to the image, so that the order of nodes in a file does not matter,
and the two walks are aligned: layers with the same name match, else those of the same kind and
operator at the same position, if their outputs have the same shape. Changes by a quantiser are
taken into account: a normalisation may be folded into the layer before it, and channels may be
padded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from zoo.graphs.anatomy import Layer
from zoo.graphs.products import padded

How = Literal["name", "place", "folded"]
# What two layers that have it in common count, where there is a choice.
_NAME, _KIND, _OPERATOR, _SHIFT = 4, 2, 1, 1
_SHIFTS = {"normalisation", "scale and shift"}  # the former may be written as the latter


@dataclass(frozen=True)
class Place:
    """A layer, and its output for one image."""

    layer: Layer
    shape: tuple[int, ...]
    integers: bool = False  # whose scale is stored elsewhere

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def sides(self) -> tuple[int, ...]:
        """Its shape without axes of size 1."""
        return tuple(side for side in self.shape if side != 1)

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) or "one number"


@dataclass(frozen=True)
class Pair:
    """A layer of each graph that should have the same output."""

    a: str
    b: str
    how: How  # by name, by position, or as the layer that contains the other's normalisation
    note: str  # what is folded or cut, in words


@dataclass(frozen=True)
class Alone:
    """A layer without a counterpart in the other graph."""

    name: str
    reason: str


@dataclass(frozen=True)
class Matching:
    """All layers of both graphs, in graph order, as pairs or alone."""

    pairs: tuple[Pair, ...]
    only_a: tuple[Alone, ...]
    only_b: tuple[Alone, ...]


def match(a: Sequence[Place], b: Sequence[Place]) -> Matching:
    """Match the layers of two graphs."""
    a, b = in_flow(a), in_flow(b)
    pairs = _aligned(a, b)
    in_b = _unfold(a, pairs, "B")
    turned = _turned(pairs)
    in_a = _unfold(b, turned, "A")
    pairs = _turned(turned)
    folded = in_b.notes | {turned[name]: note for name, note in in_a.notes.items()}
    there = {place.name: place for place in b}
    return Matching(
        tuple(
            _pair(one, there[pairs[one.name]], folded.get(one.name, ""))
            for one in a
            if one.name in pairs
        ),
        _alone(a, b, pairs, in_b.mine | in_a.theirs, "B"),
        _alone(b, a, turned, in_a.mine | in_b.theirs, "A"),
    )


def in_flow(places: Sequence[Place]) -> list[Place]:
    """Names in an order from the image on that depends only on the graph, not on the file."""
    by_name = {place.name: place for place in places}
    taken = {name for place in places for name in place.layer.takes}
    ordered: dict[str, Place] = {}
    waiting = [place.name for place in reversed(places) if place.name not in taken]
    while waiting:
        name = waiting[-1]
        before = [one for one in by_name[name].layer.takes if one not in ordered]
        if before and name not in ordered:
            waiting += reversed(before)
        else:
            ordered.setdefault(waiting.pop(), by_name[name])
    return list(ordered.values())


def _aligned(a: Sequence[Place], b: Sequence[Place]) -> dict[str, str]:
    """The alignment in which most is in common, by the names of A's."""
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of what comes from there on
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            common = _common(a[i], b[j])
            together = common + best[i + 1][j + 1] if common else 0
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    pairs, i, j = {}, 0, 0
    while i < len(a) and j < len(b):
        common = _common(a[i], b[j])
        if common and best[i][j] == common + best[i + 1][j + 1]:
            pairs[a[i].name] = b[j].name
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _common(a: Place, b: Place) -> int:
    """How much two layers have in common; 0 if they cannot be compared."""
    if a.integers != b.integers or (a.sides != b.sides and not _surplus(a, b)):
        return 0
    kinds = a.layer.kind, b.layer.kind
    common = _NAME * (a.name == b.name) + _KIND * (kinds[0] == kinds[1])
    if common:
        return common + _OPERATOR * (a.layer.operator == b.layer.operator)
    return _SHIFT if _SHIFTS.issuperset(kinds) else 0


def _surplus(a: Place, b: Place) -> int:
    """How many channels of padding one has: above 0 for B, below 0 for A."""
    if not a.sides or not b.sides or a.sides[1:] != b.sides[1:]:
        return 0
    widths = a.sides[0], b.sides[0]
    return widths[1] - widths[0] if padded(min(widths)) == max(widths) else 0


@dataclass
class _Folds:
    """How folded normalisations change a matching."""

    notes: dict[str, str] = field(default_factory=dict)  # of pairs, by this graph's name
    mine: dict[str, str] = field(default_factory=dict)  # why a layer of this graph has no partner
    theirs: dict[str, str] = field(default_factory=dict)  # likewise of the other graph


def _unfold(places: Sequence[Place], pairs: dict[str, str], other: str) -> _Folds:
    """Pair normalisations that the other graph lacks with the layers that contain them there."""
    found = _Folds()
    for place in places:
        name, source = place.name, place.layer.folds_into
        before = place.layer.takes[0] if place.layer.takes else ""
        if not source or name in pairs or before not in pairs:
            continue
        counterpart = pairs.pop(before)
        pairs[name] = counterpart
        found.notes[name] = f"{name} is folded into {source} in {other}"
        found.mine[before] = f"{name} is folded into {source} in {other}: compared after it"
        if source in pairs:
            found.mine[source] = found.mine[before]
            found.theirs[pairs.pop(source)] = f"it contains {name}: compared after {counterpart}"
    return found


def _pair(a: Place, b: Place, folded: str) -> Pair:
    surplus = _surplus(a, b)
    cut = f"{abs(surplus)} padded channels of {'B' if surplus > 0 else 'A'} are cut"
    note = "; ".join(filter(None, (folded, cut if surplus else "")))
    how: How = "folded" if folded else "name" if a.name == b.name else "place"
    return Pair(a.name, b.name, how, note)


def _alone(
    places: Sequence[Place],
    others: Sequence[Place],
    pairs: Mapping[str, str],
    told: Mapping[str, str],
    other: str,
) -> tuple[Alone, ...]:
    """The layers that are in no pair, and why."""
    by_name = {place.name: place for place in others}
    behind: dict[str, str] = {}  # by name, the first layer after it that is in a pair
    for place in reversed(places):
        next_one = place.name if place.name in pairs else behind.get(place.name, "")
        behind |= dict.fromkeys(place.layer.takes, next_one)

    def reason(place: Place) -> str:
        twin, after = by_name.get(place.name), behind.get(place.name)
        if place.name in told:
            return told[place.name]
        if place.integers:
            return "it outputs integers, whose scale is stored elsewhere"
        if twin is not None and twin.sides != place.sides:
            return f"its shape is {place} here, and {twin} in {other}"
        part = f"; what it does is part of {after}" if after else ""
        return f"{other} has no such layer{part}"

    return tuple(Alone(one.name, reason(one)) for one in places if one.name not in pairs)


def _turned(pairs: Mapping[str, str]) -> dict[str, str]:
    return {there: here for here, there in pairs.items()}
