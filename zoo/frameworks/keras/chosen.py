"""The backend of Keras in this process: torch, unless another is chosen before its import."""

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
    """Choose another backend for this process; too late once Keras is imported."""
    global _chosen
    _chosen = backend


def require(backend: str) -> None:
    """Refuse a backend that is unknown or not installed."""
    if backend not in BACKENDS:
        raise unknown_name("backend of Keras", backend, BACKENDS)
    if find_spec(backend) is None:
        raise UnavailableError(f"the Keras backend {backend} is not installed: {install(backend)}")


def install(backend: str) -> str:
    """The command that installs it."""
    return f"pip install -e '.[{BACKENDS[backend]}]'"
