"""Latents: the output of a frozen backbone for a dataset's images, computed once and cached.

    <cache>/latents/<key>/   identity.json, features.npy (memory-mapped), chunks.txt
    <cache>/latents/locks/   one file a key, never removed, since another process may wait on it

A line of chunks.txt is written once the chunk's numbers are safe on the disk. A process that is
killed leaves whole chunks behind, and the next one goes on after them.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.data.cache import cache_root
from zoo.data.dataset import Images
from zoo.errors import ZooError
from zoo.files import locked, write_json, writing
from zoo.progress import Progress

Features = NDArray[np.float32]
CHUNK = 512  # images; the most work that a kill may cost
FORMAT = 2
IDENTITY, FEATURES, CHUNKS = "identity.json", "features.npy", "chunks.txt"


@dataclass(frozen=True)
class Runtime:
    """What computes the backbone."""

    name: str  # `torch` or `onnxruntime`
    precision: str  # of its arithmetic
    width: int  # numbers that are the latents of an image
    run: Callable[[Images], Features]  # images uint8 [B, H, W, C] to latents float32 [B, width]
    device: str = "cpu"  # or `cuda`

    @property
    def title(self) -> str:
        """As the cards name it, such as `torch bf16`."""
        return f"{self.name} {self.precision}"


@dataclass(frozen=True)
class LatentsKey:
    """What latents are of: images and backbone, but not what computes them."""

    dataset: str  # its name, for people
    fingerprint: str
    view: str
    split: str
    backbone: str  # its name, for people
    weights: str  # sha256
    preprocessing: str  # size, interpolation and normalisation in words
    flip_average: bool = False  # latents are the mean of those of an image and its mirror image


def latents(
    key: LatentsKey,
    images: Images,
    runtime: Runtime,
    *,
    batch: int = 64,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Features:
    """Latents float32 [N, width] of images uint8 [N, H, W, C], from the cache where they are.

    batch: images per call of the runtime. If two processes need the same, one computes.
    """
    progress = progress or Progress()
    store = _Store.of(key, images, runtime, cache_dir)
    waiting = f"waiting for another process that computes the latents of {key.dataset}"
    with writing(store.folder):
        store.folder.mkdir(parents=True, exist_ok=True)
        store.lock.parent.mkdir(exist_ok=True)
    with locked(store.lock, lambda: progress.say(waiting)):
        done = store.open()
        if done < len(images):
            label = f"latents of {key.dataset} {key.split}"
            if done:
                progress.say(f"{label}: {done} of {len(images)} are already computed")
            with progress.task(label, len(images) - done) as advance:
                for start in range(done, len(images), CHUNK):
                    chunk = images[start : start + CHUNK]
                    store.add(start, _computed(chunk, runtime, key, batch))
                    advance(len(chunk))
    return store.read()


def finished(
    key: LatentsKey, images: Images, runtime: Runtime, cache_dir: Path | None = None
) -> int:
    """How many of the images this runtime has latents of in the cache."""
    store = _Store.of(key, images, runtime, cache_dir)
    return min(len(images), len(store.chunks()) * CHUNK)


def _computed(chunk: Images, runtime: Runtime, key: LatentsKey, batch: int) -> Features:
    parts = []
    for start in range(0, len(chunk), batch):
        some = np.ascontiguousarray(chunk[start : start + batch])
        found = runtime.run(some)
        if key.flip_average:
            found = (found + runtime.run(np.ascontiguousarray(some[:, :, ::-1]))) * np.float32(0.5)
        parts.append(found.astype(np.float32, copy=False))
    features = np.concatenate(parts)
    if features.shape != (len(chunk), runtime.width) or not np.isfinite(features).all():
        raise ZooError(
            f"{key.backbone} gives latents of {list(features.shape)} for {len(chunk)} "
            f"images, finite: {bool(np.isfinite(features).all())}. "
            "Start again with --overwrite --precision fp32."
        )
    return features


@dataclass(frozen=True)
class _Store:
    """The folder of one key."""

    folder: Path
    lock: Path
    identity: dict[str, object]
    shape: tuple[int, int]

    @classmethod
    def of(
        cls, key: LatentsKey, images: Images, runtime: Runtime, cache_dir: Path | None
    ) -> "_Store":
        root = cache_root(cache_dir) / "latents"
        identity = {
            "format": FORMAT,
            **asdict(key),
            "images": len(images),
            "image_shape": list(images.shape[1:]),
            "engine": runtime.name,  # an older word for it, part of every key that there is
            "precision": runtime.precision,
            "device": runtime.device,
            "width": runtime.width,
        }
        # Names for people do not affect the numbers.
        counted = {k: v for k, v in identity.items() if k not in ("dataset", "backbone")}
        digest = hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()
        return cls(root / digest, root / "locks" / digest, identity, (len(images), runtime.width))

    def open(self) -> int:
        """Images whose latents are there and whole; the file is made ready for the others."""
        self._refuse_another()
        with writing(self.folder):
            lines = self.chunks()
            good = self._good(lines)
            if not good:
                self._begin()
            elif good < len(lines):
                self._keep(lines[:good])
        return min(self.shape[0], good * CHUNK)

    def chunks(self) -> list[str]:
        """A line for each finished chunk; one that was cut off by a kill is none."""
        try:
            text = (self.folder / CHUNKS).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return []
        return text[: text.rfind("\n") + 1].splitlines()

    def add(self, start: int, features: Features) -> None:
        """Write a chunk, and note it once it is on the disk."""
        content = features.tobytes()
        with writing(self.folder):
            with (self.folder / FEATURES).open("r+b") as file:
                file.seek(self._offset() + start * self.shape[1] * features.itemsize)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with (self.folder / CHUNKS).open("a", encoding="ascii") as journal:
                journal.write(f"{start} {zlib.crc32(content):08x}\n")
                journal.flush()
                os.fsync(journal.fileno())

    def read(self) -> Features:
        """All of them, memory-mapped; copy on write, so that torch takes them as they are."""
        return np.asarray(np.load(self.folder / FEATURES, mmap_mode="c"))

    def _refuse_another(self) -> None:
        """A folder that was copied or renamed by hand holds the latents of something else."""
        try:
            found = json.loads((self.folder / IDENTITY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        names = [n for n in self.identity if n not in ("dataset", "backbone")]
        other = [n for n in names if found.get(n) != self.identity[n]]
        if other:
            raise ZooError(
                f"{self.folder} holds other latents than its name says ({', '.join(other)} "
                "differ). Remove it."
            )

    def _good(self, lines: list[str]) -> int:
        """How many chunks from the first on have the bytes that were noted."""
        try:
            stored = np.load(self.folder / FEATURES, mmap_mode="r")
        except (OSError, ValueError):
            return 0
        if stored.shape != self.shape or stored.dtype != np.float32:
            return 0
        for index, line in enumerate(lines):
            start = index * CHUNK
            content = stored[start : start + CHUNK].tobytes()
            if not content or line != f"{start} {zlib.crc32(content):08x}":
                return index
        return len(lines)

    def _begin(self) -> None:
        (self.folder / CHUNKS).unlink(missing_ok=True)
        write_json(self.folder / IDENTITY, self.identity)
        with (self.folder / FEATURES).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, self._header())
            file.truncate(file.tell() + self.shape[0] * self.shape[1] * 4)
            os.fsync(file.fileno())

    def _keep(self, lines: list[str]) -> None:
        temporary = self.folder / f".{CHUNKS}.tmp"
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        temporary.replace(self.folder / CHUNKS)

    def _header(self) -> dict[str, object]:
        return {"descr": "<f4", "fortran_order": False, "shape": self.shape}

    def _offset(self) -> int:
        """Where the numbers begin, behind the header."""
        total = (self.folder / FEATURES).stat().st_size
        return total - self.shape[0] * self.shape[1] * 4
