"""A run on disk: the folder that one training run fills."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.data import Dataset
from zoo.errors import ZooError, command
from zoo.files import sha256, sweep, write_json, writing
from zoo.reading import read_text
from zoo.records import read
from zoo.runs.holding import holding, refuse_held
from zoo.runs.options import LATENTS_BY, TrainOptions
from zoo.runs.remains import FILES, is_run, without_card
from zoo.specs.design import Design
from zoo.specs.recipe import Recipe

_LARGEST_CARD = 64 << 20


@dataclass(frozen=True)
class RunCard:
    """run.json: everything that determines a training run, and what it cost."""

    id: str
    model: str
    options: TrainOptions  # as resolved, nothing left open
    recipe: Recipe | None  # for a transfer: the head's; None if there is no such schedule
    dataset: str  # the short name, for ids
    fingerprint: str
    view: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mean: tuple[float, ...]  # a channel, of the training pixels
    std: tuple[float, ...]
    machine: str
    versions: dict[str, str]
    parameters: int = 0  # trainable ones; of a transfer, all of the whole network
    macs: int = 0  # multiply-adds of an image, forward; of a transfer, through the whole network
    train_flop: float = 0.0  # of the whole training
    captured: bool = False  # its steps were replayed from a CUDA graph, in its last process
    finished: bool = False
    seconds: float = 0.0  # of training, without validation
    design: Design | None = None  # of a transfer
    # What computes the latents of a transfer, and in which precision; known before any of them is.
    latents_runtime: str = ""
    finetuned_in: str = ""  # the precision of finetuning, if there was one
    weights: str = (
        ""  # sha256 of weights.safetensors once finished; "" in runs of before it was kept
    )
    settings: dict[str, Any] = field(default_factory=dict)  # of a framework that has no recipe

    def __post_init__(self) -> None:
        if self.latents_runtime not in ("", *LATENTS_BY):
            raise ValueError(
                f"it names an unknown runtime for the latents, {self.latents_runtime!r}"
            )

    @property
    def epochs(self) -> float:
        """The epochs of all stages."""
        finetuning = self.design and self.design.finetuning
        return self.schedule.epochs + (finetuning.epochs if finetuning else 0)

    @property
    def schedule(self) -> Recipe:
        """The recipe, if the run has one."""
        if self.recipe is None:
            raise AssertionError(f"{self.id} is trained without a recipe")
        return self.recipe

    @property
    def told(self) -> dict[str, Any]:
        """How it is trained, for files and cards: the recipe, or the framework's settings."""
        return self.settings if self.recipe is None else asdict(self.recipe)

    def check_data(self, data: Dataset) -> None:
        """Refuse images other than the ones this run was trained on."""
        if data.fingerprint != self.fingerprint or data.view != self.view:
            raise ZooError(
                f"{self.id} was trained on other images than {data.name} holds now (the "
                "fingerprints differ). Restore that data, or train again with --overwrite."
            )

    @classmethod
    def from_json(cls, value: Any) -> "RunCard":
        """A card from its JSON value; `ValueError` names what is impossible."""
        if isinstance(value, dict) and "engine" in value:  # as it was called before
            value = {"latents_runtime" if n == "engine" else n: v for n, v in value.items()}
        card: RunCard = read(cls, value, "the card")
        height, width, channels = card.image_shape
        possible = {
            "image_shape": min(height, width) > 0 and channels in (1, 3),
            "class_names": len(card.class_names) > 0,
            "mean": len(card.mean) == channels,
            "std": len(card.std) == channels and min(card.std) > 0,
        }
        if card.recipe is not None:
            possible |= {
                "recipe.batch": card.recipe.batch > 0,
                "recipe.epochs": card.recipe.epochs > 0,
                "recipe.lr": card.recipe.lr > 0,
            }
        for name, holds in possible.items():
            if not holds:
                raise ValueError(f"the card's {name} is impossible")
        return card


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The finished network."""
        return self.folder / "weights.safetensors"

    @property
    def state(self) -> Path:
        """The last checkpoint of an unfinished training."""
        return self.folder / "state.safetensors"

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.folder / "history.csv"

    @property
    def curves(self) -> Path:
        """The history as an image."""
        return self.folder / "curves.png"

    @property
    def card_file(self) -> Path:
        """run.json: everything that determines the training."""
        return self.folder / "run.json"

    @property
    def exists(self) -> bool:
        """Whether a training run was started here."""
        return self.card_file.exists()

    def card(self) -> RunCard:
        """Read run.json."""
        try:
            return RunCard.from_json(json.loads(read_text(self.card_file, _LARGEST_CARD)))
        except FileNotFoundError:
            if is_run(self.folder):
                raise ZooError(without_card(self.folder)) from None
            raise ZooError(
                f"{self.folder} is not the folder of a run: it has no run.json."
            ) from None
        except NotADirectoryError:
            raise ZooError(f"{self.folder} is a file, not the folder of a run.") from None
        except (OSError, ValueError, RecursionError) as error:
            remedy = "Start again with --overwrite"
            if not is_run(self.folder):
                remedy = "Move it away, or name another folder with --run"
            raise ZooError(f"{self.card_file} is damaged ({error}). {remedy}.") from error

    def finished_card(self) -> RunCard:
        """Read run.json, which must describe a finished training run and its weights."""
        card = self.card()
        if not card.finished:
            refuse_held(self.folder)
            raise ZooError(
                f"the training in {self.folder} is not finished. "
                f"Continue with: {command('train', card.model, '--resume', '--run', self.folder)}"
            )
        return self._with_weights(card)

    def _with_weights(self, card: RunCard) -> RunCard:
        """The card of a finished run, with the hash of its weights even if the card is old."""
        found = self._weights_hash()
        if not found:
            raise self._broken(
                card,
                f"{self.weights} is gone, but run.json says that the training is finished",
            )
        if card.weights not in ("", found):
            raise self._broken(
                card, f"{self.weights} is not the file that run.json describes (sha256 differs)"
            )
        return replace(card, weights=found)

    def check_weights(self, expected: str) -> None:
        """Refuse weights that were replaced after the card with that hash was read."""
        if expected not in ("", self._weights_hash()):
            refuse_held(self.folder)
            raise ZooError(f"{self.weights} was replaced in the meantime. Run the command again.")

    def _weights_hash(self) -> str:
        try:
            return sha256(self.weights)
        except OSError:
            return ""

    def finished_history(self, card: RunCard) -> str:
        """The text of a finished run's history.csv."""
        try:
            return self.history.read_text(encoding="utf-8")
        except OSError:
            raise self._broken(
                card,
                f"{self.history} is gone, but run.json says that the training is finished",
            ) from None

    def _broken(self, card: RunCard, what: str) -> ZooError:
        refuse_held(self.folder)
        flags = (*card.options.flags(), "--run", self.folder, "--overwrite")
        again = command("train", card.model, *flags)
        return ZooError(f"{what}. Restore it, or train again: {again}")

    def write_card(self, card: RunCard) -> None:
        """Replace run.json."""
        write_json(self.card_file, asdict(card))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the run for this process, or stop at once."""
        places = (self.folder, *self.folder.parents)
        made = [folder for folder in places if not os.path.lexists(folder)]
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with holding(self.folder):
                yield
        finally:
            with suppress(OSError):  # the first that holds something now
                for folder in made:
                    folder.rmdir()

    def begin(self, card: RunCard) -> None:
        """Replace the files of an earlier training run with the card of a new one.

        The checkpoint is removed first and the other files last: if killed in between, it is never
        taken for a checkpoint of the new run, and the folder is always recognised as a run.
        """
        with writing(self.folder):
            self.state.unlink(missing_ok=True)
            self.write_card(card)
            for name in FILES:
                if name != self.card_file.name:
                    (self.folder / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove half-written files of processes that were killed."""
        for name in FILES:
            sweep(self.folder / name)
