"""Match the rows of two results files by cell, and check whether they are comparable."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from bench.regression.accuracy import Predictions
from bench.regression.limits import Pair, name_of
from bench.results.files import beside
from bench.results.predictions import read_predictions
from bench.results.results_file import read_csv
from bench.results.rows import Row
from bench.results.wording import Names, count
from bench.subjects.subject import THIRD_PARTY
from zoo.errors import UsageError, ZooError, command

Keyed = dict[tuple[object, ...], Row]


def match(
    base: Path, new: Path, any_machine: bool, notes: list[str]
) -> tuple[Keyed, Keyed, list[Pair]]:
    """The rows of each file by cell, and the pairs that both have, in base's order.

    any_machine: do not refuse files of two machines. Oddities are added to `notes`.
    """
    before, after = _by_key(_read(base), _read(new), notes)
    pairs = [Pair(row, after[key]) for key, row in before.items() if key in after]
    _check_comparable(base, new, before.values(), after.values(), pairs, any_machine)
    _note_harness(pairs, notes)
    return before, after, pairs


def _read(path: Path) -> tuple[Path, list[Row]]:
    try:
        rows = read_csv(path)
    except ZooError as error:  # exit code 1 says that a breach is proven, and nothing else
        raise UsageError(str(error)) from error
    if not rows:
        raise UsageError(f"{path} has no rows: nothing was measured. Run bench again.")
    if any(row.is_comparison for row in rows):
        raise UsageError(
            f"{path} holds comparisons of two models, not cells of `bench`. To read them, run: "
            f"{command('report', path)}"
        )
    return path, rows


def _by_key(
    base: tuple[Path, list[Row]], new: tuple[Path, list[Row]], notes: list[str]
) -> tuple[Keyed, Keyed]:
    """The rows by cell. A third-party file may have been moved in between."""
    before, after = _by_name(base[1]), _by_name(new[1])
    clear = {name for name, paths in before.items() if len(paths) == len(after[name]) == 1}
    found: list[Keyed] = []
    for path, rows in (base, new):
        keyed: Keyed = {}
        for row in rows:
            name = PurePath(row.subject).name
            by_name = row.precision == THIRD_PARTY and name in clear
            keyed[(name if by_name else row.subject, *row.key[1:])] = row
        if len(keyed) < len(rows):
            twice = count(len(rows) - len(keyed), "row")
            notes.append(f"{path}: {twice} measured again later in it; only the last one counts")
        found.append(keyed)
    return found[0], found[1]


def _by_name(rows: Iterable[Row]) -> defaultdict[str, set[str]]:
    """The paths of third-party files by file name, if unambiguous."""
    found = defaultdict[str, set[str]](set)
    for row in rows:
        if row.precision == THIRD_PARTY:
            found[PurePath(row.subject).name].add(row.subject)
    return found


def _check_comparable(
    base: Path,
    new: Path,
    before: Iterable[Row],
    after: Iterable[Row],
    pairs: Sequence[Pair],
    any_machine: bool,
) -> None:
    if not pairs:
        first, second = (name_of(next(iter(rows)), Names()) for rows in (before, after))
        raise UsageError(
            f"{base} and {new} have no row in common: the first starts with {first}, the second "
            f"with {second}. Measure both with the same options (--batch, --threads, ...)."
        )
    others = [pair for pair in pairs if pair.measured and pair.base.machine != pair.new.machine]
    if others and not any_machine:
        pair = others[0]
        raise UsageError(
            f"{base} is from machine {pair.base.machine or 'unknown'}, {new} from "
            f"{pair.new.machine or 'unknown'}: their times are not comparable. Measure both on one "
            "machine, or pass --any-machine to compare everything else."
        )


def _note_harness(pairs: Sequence[Pair], notes: list[str]) -> None:
    """Note that different harness code timed the two files; older files do not say which."""
    changes = {
        f"{pair.base.harness or 'unknown'} -> {pair.new.harness or 'unknown'}"
        for pair in pairs
        if pair.measured and pair.base.harness != pair.new.harness
    }
    if changes:
        notes.append(
            f"the harness changed between the two files ({', '.join(sorted(changes))}): a "
            "difference in time may come from it, not from the model, unless measured again in "
            "turns"
        )


def predictions_of(path: Path) -> Predictions:
    """The predicted classes beside a results file; a clear error if they are damaged."""
    try:
        found = read_predictions(path)
        for name, classes in found.items():
            if classes.ndim != 1 or classes.dtype.kind not in "iu":
                raise ValueError(f"{name} is not a list of classes")
        return found
    except Exception as error:  # of zipfile, zlib and numpy, which raise nearly every kind
        damaged = beside(path, "predictions.npz")
        raise UsageError(
            f"{damaged} cannot be read ({error}). Delete it to compare accuracies without it."
        ) from error
