"""Which backend Keras has in this process: torch, unless said before Keras is first imported."""

from importlib.util import find_spec

from zoo.errors import UnavailableError, unknown_name

# Each with the extra that installs it.
BACKENDS = {"torch": "keras", "tensorflow": "tensorflow", "jax": "jax"}
DEFAULT = "torch"
_chosen = DEFAULT


def here() -> str:
    """The backend of this process."""
    return _chosen


def choose(backend: str) -> None:
    """Have another one in this process. Too late once Keras is imported."""
    global _chosen
    _chosen = backend


def require(backend: str) -> None:
    """Refuse a backend that there is not, or that is not installed."""
    if backend not in BACKENDS:
        raise unknown_name("backend of Keras", backend, BACKENDS)
    if find_spec(backend) is None:
        raise UnavailableError(
            f"{backend}, which Keras is to compute with, is not installed: {install(backend)}"
        )


def install(backend: str) -> str:
    """The command that installs it."""
    return f"pip install -e '.[{BACKENDS[backend]}]'"
