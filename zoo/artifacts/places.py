"""Where artifacts are searched, and where new ones are written.

exports/local/   what was exported in this folder (not tracked by git)
exports/         what was published in this folder: in a checkout, the zoo's own models
the zoo's own    the checkout's exports/, or the copy that an installed package carries, so that
                 published models work from any folder; ZOO_HUB names another folder of them
"""

import os
from pathlib import Path

from zoo.artifacts.publishing import MANIFEST
from zoo.errors import ZooError

PUBLISHED = Path("exports")
LOCAL = PUBLISHED / "local"
HUB = "ZOO_HUB"


def places(exports: Path | None) -> tuple[Path, ...]:
    """The folders to search, in order; only `exports` if it is given."""
    if exports is not None:
        return (exports,)
    hub = _hub()
    return (LOCAL, PUBLISHED) if _is_same(hub, PUBLISHED) else (LOCAL, PUBLISHED, hub)


def target_of(exports: Path | None, publish: bool = False) -> Path:
    """The folder that a new artifact is written to."""
    if exports is not None:
        return exports
    return PUBLISHED if publish else LOCAL


def place_to_change(root: Path, exports: Path | None) -> Path:
    """Where an artifact of that folder is changed: there, unless nobody named the folder and it is
    not of this one, such as the models of an installed package; then a copy of it is.
    """
    return root if root in (exports, PUBLISHED, LOCAL) else LOCAL


def is_default(root: Path) -> bool:
    """Whether commands search this folder by default."""
    return root in places(None)


def option(exports: Path | None) -> tuple[str, ...]:
    """The option that makes a command search this folder."""
    return () if exports is None else ("--exports", str(exports))


def in_words(exports: Path | None) -> str:
    """The places in words, for a message that nothing was found."""
    return " or ".join(f"{place}/" for place in places(exports))


def _hub() -> Path:
    named = os.environ.get(HUB)
    if named:
        if not Path(named).is_dir():
            raise ZooError(
                f"{HUB} is set to {named}, which is not a folder. Set it to a folder of published "
                "models, or unset it."
            )
        return Path(named)
    package = Path(__file__).parent.parent
    checkout = package.parent / PUBLISHED
    return checkout if (checkout / MANIFEST).is_file() else package / "published"


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
