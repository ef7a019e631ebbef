"""The catalog: the name of each model, and where its network and recipe are."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from zoo.specs.design import Design
    from zoo.specs.recipe import Recipe

MIN_SIDE = 16


@dataclass(frozen=True)
class ModelSpec:
    """One row of the zoo."""

    name: str
    family: str
    framework: str  # its name in `zoo.frameworks.registry`
    module: str  # imported when the network or the recipe is asked for
    notes: str
    builder: str = "build"
    recipe_name: str = "RECIPE"
    # Of a model that is built by a design: package.module:Class of the way that it is trained in,
    # see `zoo.frameworks.pytorch.way` and `zoo.frameworks.keras.way`
    way: str = ""

    @property
    def recipe(self) -> "Recipe":
        """The default recipe of the model."""
        recipe: Recipe = self._attribute(self.recipe_name)
        return recipe

    def build(
        self, image_shape: tuple[int, int, int], classes: int, design: "Design | None" = None
    ) -> Any:
        """The network for images of [height, width, channels] and that many classes.

        design: required for a transfer.
        """
        if design is not None:
            return self._attribute(self.builder)(design, image_shape, classes)
        if self.way:
            raise UsageError(f"{self.name} needs a design that names its backbone.")
        height, width, channels = image_shape
        if min(height, width) < MIN_SIDE:
            raise UsageError(
                f"{self.name} takes images of {MIN_SIDE}x{MIN_SIDE} or more, these have "
                f"{height}x{width}. Enlarge them with --size {MIN_SIDE}."
            )
        if channels not in (1, 3):
            raise UsageError(f"{self.name} takes 1 or 3 channels, these images have {channels}.")
        if classes < 2:
            raise UsageError(f"{self.name} needs at least 2 classes, this data has {classes}.")
        return self._attribute(self.builder)(image_shape, classes)

    def _attribute(self, name: str) -> Any:
        return getattr(import_module(self.module), name)


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "mlp",
            family="mlp",
            framework="pytorch",
            module="zoo.models.mlp",
            notes="flatten, 500 and 50 hidden units",
        ),
        ModelSpec(
            "mlp-numpy",
            family="mlp",
            framework="numpy",
            module="zoo.frameworks.numpy.mlp",
            notes="the same sizes with sigmoids, in plain numpy: every formula is written out",
        ),
        ModelSpec(
            "mlp-sklearn",
            family="mlp",
            framework="sklearn",
            module="zoo.frameworks.sklearn.mlp",
            notes="the same sizes with ReLU, by scikit-learn's MLPClassifier",
        ),
        ModelSpec(
            "logreg-sklearn",
            family="linear",
            framework="sklearn",
            module="zoo.frameworks.sklearn.logreg",
            notes="one logit per class from the pixels, by scikit-learn's LogisticRegression",
        ),
        ModelSpec(
            "mlp-keras",
            family="mlp",
            framework="keras",
            module="zoo.frameworks.keras.mlp",
            notes="the same sizes, written as in the Keras tutorials",
        ),
        ModelSpec(
            "cnn",
            family="cnn",
            framework="pytorch",
            module="zoo.models.cnn",
            notes="two convolutions with pooling, three linear layers",
        ),
        ModelSpec(
            "cnn-keras",
            family="cnn",
            framework="keras",
            module="zoo.frameworks.keras.cnn",
            notes="the CNN of the Keras tutorials: compile, fit, evaluate",
        ),
        ModelSpec(
            "cnn-jax",
            family="cnn",
            framework="jax",
            module="zoo.frameworks.jax.cnn",
            notes="the same layers in Flax, with a short, readable training loop in JAX",
        ),
        ModelSpec(
            "speednet",
            family="cnn",
            framework="pytorch",
            module="zoo.models.speednet",
            notes="whitening and three groups of convolutions: 94% after a short training",
        ),
        ModelSpec(
            "dense",
            family="dense",
            framework="pytorch",
            module="zoo.models.dense",
            notes="densely connected, with few wide layers, designed for CPUs",
        ),
        ModelSpec(
            "densenet-bc-100-12",
            family="dense",
            framework="pytorch",
            module="zoo.models.dense",
            builder="build_paper",
            recipe_name="PAPER_RECIPE",
            notes="DenseNet-BC as in the paper, for a GPU",
        ),
        ModelSpec(
            "transfer",
            family="transfer",
            framework="pytorch",
            module="zoo.transfer.network",
            notes="a small head on a frozen backbone: Inception v3, or another of your choice",
            way="zoo.transfer.way:OnBackbone",
        ),
        ModelSpec(
            "transfer-keras",
            family="transfer",
            framework="keras",
            module="zoo.transfer.network",
            recipe_name="KERAS_RECIPE",
            notes="dense Keras layers on a network of keras.applications: InceptionV3, or another",
            way="zoo.transfer.keras_way:OnKerasBackbone",
        ),
    )
}


@dataclass(frozen=True)
class Kind:
    """A selection of models: by family, framework, both, or all."""

    family: str | None = None
    framework: str | None = None

    def __post_init__(self) -> None:
        """Refuse names that no model has."""
        for name in ("family", "framework"):
            asked = getattr(self, name)
            known = {getattr(spec, name) for spec in MODELS.values()}
            if asked is not None and asked not in known:
                raise unknown_name(name, asked, known)

    @property
    def words(self) -> str:
        """The selection as options; empty for all models."""
        asked = {"--family": self.family, "--framework": self.framework}
        return " ".join(f"{option} {name}" for option, name in asked.items() if name)

    def holds(self, model: str | None) -> bool:
        """Whether a model of that name is selected; third-party files never are."""
        if not self.words:
            return True
        spec = MODELS.get(model or "")
        return spec is not None and (
            self.family or spec.family,
            self.framework or spec.framework,
        ) == (
            spec.family,
            spec.framework,
        )


EVERY = Kind()


def find_model(name: str) -> ModelSpec:
    """The model of that name; an unknown one is a usage error with the nearest names."""
    try:
        return MODELS[name]
    except KeyError:
        raise unknown_name("model", name, MODELS) from None


def meant_by(name: str, models: Mapping[str, str], kind: str, told: str = "{}") -> str | None:
    """The id that `name` means among ids and their models, or None.

    An id means itself; a model its CIFAR-10 one, else the only one there is. told: the options that
    select one of several.
    """
    for candidate in (name, f"{name}-cifar10"):
        if candidate in models:
            return candidate
    matches = _of_model(name, models)
    if len(matches) > 1:
        ways = [told.format(match) for match in matches]
        raise UsageError(f"several {kind} of {name} exist. Name one of them: {' or '.join(ways)}.")
    return matches[0] if matches else None


def which_is_meant(name: str, chosen: str, models: Mapping[str, str], others: str) -> str:
    """One line that says which id a model's name was taken for; "" if it is unambiguous.

    models: as in `meant_by`; others: what the other ids are called.
    """
    found = [known for known in _of_model(name, models) if known != chosen]
    if name == chosen or not found:
        return ""
    return f"{name} is {chosen} here; {others}: {', '.join(found)}"


def _of_model(name: str, models: Mapping[str, str]) -> list[str]:
    return sorted(known for known, model in models.items() if model == name)
