"""`--family` and `--framework`: which models are meant."""

import pytest

from zoo.errors import UsageError
from zoo.specs.catalog import EVERY, MODELS, Kind


def held(kind: Kind) -> set[str]:
    return {name for name in MODELS if kind.holds(name)}


def test_models_are_kept_by_family_by_framework_or_by_both() -> None:
    assert held(EVERY) == set(MODELS)
    assert held(Kind(family="mlp")) == {"mlp", "mlp-numpy", "mlp-sklearn", "mlp-keras"}
    assert held(Kind(framework="numpy")) == {"mlp-numpy"}
    assert held(Kind("mlp", "pytorch")) == {"mlp"}
    assert held(Kind("dense", "numpy")) == set()


def test_what_is_no_model_of_the_zoo_is_kept_only_where_all_are() -> None:
    for model in (None, "somebody's"):
        assert EVERY.holds(model)
        assert not Kind(family="mlp").holds(model)


def test_names_that_no_model_has_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no family 'mpl'\. Did you mean mlp"):
        Kind(family="mpl")
    with pytest.raises(UsageError, match=r"no framework 'numpi'\. Did you mean numpy"):
        Kind(framework="numpi")


def test_it_says_what_was_asked_for() -> None:
    assert EVERY.words == ""
    assert Kind("mlp", "numpy").words == "--family mlp --framework numpy"
