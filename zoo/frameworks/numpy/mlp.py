"""`mlp-numpy`: the classic exercise, sigmoid units in hidden layers of 500 and 50."""

from zoo.specs.recipe import Recipe

HIDDEN = (500, 50)

RECIPE = Recipe(
    epochs=60,
    quick_epochs=10,
    batch=128,
    lr=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    warmup=0.05,
    shift=2,
)


def build(image_shape: tuple[int, int, int], classes: int) -> tuple[int, ...]:
    """The sizes of its layers, from pixels to logits: what `initialize_network` takes."""
    height, width, channels = image_shape
    return (height * width * channels, *HIDDEN, classes)
