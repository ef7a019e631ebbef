"""Small made-up datasets, written in every form that the zoo reads."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from zoo.data import Dataset, load

SPLITS = ("train", "test")
Images = dict[str, dict[str, list[np.ndarray]]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's data or cache."""
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def make() -> "Maker":
    return Maker()


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Load what must be refused; gives the message."""
    from zoo.errors import ZooError

    def message(name: Path | str, **options: Any) -> str:
        with pytest.raises(ZooError) as caught:
            load(str(name), **options)
        assert caught.value.exit_code == 1
        return str(caught.value)

    return message


@pytest.fixture
def same() -> Callable[[Dataset, Dataset], bool]:
    """Whether two datasets have the same images, labels, names and fingerprint, in order."""

    def compare(one: Dataset, other: Dataset) -> bool:
        return (
            one.fingerprint == other.fingerprint
            and one.class_names == other.class_names
            and (one.mean, one.std) == (other.mean, other.std)
            and all(
                np.array_equal(getattr(one, split).images, getattr(other, split).images)
                and np.array_equal(getattr(one, split).labels, getattr(other, split).labels)
                for split in SPLITS
            )
        )

    return compare


class Maker:
    """Writes images, given as {split: {class: [uint8 [H, W, C]]}}, in many forms."""

    def images(
        self,
        classes: tuple[str, ...] = ("ant", "bee", "cow"),
        train: int = 5,
        test: int = 2,
        shape: tuple[int, int, int] = (6, 8, 3),
        seed: int = 0,
    ) -> Images:
        random = np.random.default_rng(seed)
        return {
            split: {
                name: [random.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]
                for name in classes
            }
            for split, count in (("train", train), ("test", test))
        }

    def encoded(self, pixels: np.ndarray, ending: str = "png") -> bytes:
        stream = io.BytesIO()
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        options = {"lossless": True} if ending == "webp" else {}
        image.save(stream, {"jpg": "jpeg"}.get(ending, ending), **options)
        return stream.getvalue()

    def files(
        self, images: Images, ending: str = "png", reverse: bool = False
    ) -> Iterator[tuple[str, bytes]]:
        for split, classes in images.items():
            for name, some in classes.items():
                for number, pixels in enumerate(some[::-1] if reverse else some):
                    yield f"{split}/{name}/{number}.{ending}", self.encoded(pixels, ending)

    def folder(self, root: Path, images: Images, **options: Any) -> Path:
        for name, content in self.files(images, **options):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    def zip(
        self,
        path: Path,
        images: Images,
        top: str = "",
        extra: tuple[str, ...] = (),
        compression: int = zipfile.ZIP_STORED,
        **options: Any,
    ) -> Path:
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in self.files(images, **options):
                archive.writestr(top + name, content)
            for name in extra:
                archive.writestr(name, b"no image")
        return path

    def python_files(self, images: Images) -> dict[str, bytes]:
        """CIFAR-10's pickled batches, byte strings and all, as Python 2 wrote them."""
        names = tuple(images["train"])
        files = {"batches.meta": python2_pickle({"label_names": list(names)})}
        for file, planes, labels in self._batches(images):
            files[file] = python2_pickle({"labels": labels.tolist(), "data": planes})
        return files

    def binary_files(self, images: Images) -> dict[str, bytes]:
        files = {"batches.meta.txt": ("\n".join(images["train"]) + "\n\n").encode()}
        for file, planes, labels in self._batches(images):
            records = np.concatenate([labels[:, None].astype(np.uint8), planes], axis=1)
            files[f"{file}.bin"] = records.tobytes()
        return files

    def cifar100_files(self, images: Images, binary: bool) -> dict[str, bytes]:
        names = list(images["train"])
        if binary:
            files = {"fine_label_names.txt": ("\n".join(names) + "\n").encode()}
        else:
            files = {"meta": python2_pickle({"fine_label_names": names})}
        for split in SPLITS:
            planes, labels = self._planes(images[split])
            if binary:
                coarse = np.full((len(labels), 1), 99, dtype=np.uint8)
                fine = labels[:, None].astype(np.uint8)
                files[f"{split}.bin"] = np.concatenate([coarse, fine, planes], axis=1).tobytes()
            else:
                record = {"data": planes, "fine_labels": labels.tolist()}
                files[split] = python2_pickle({**record, "coarse_labels": [99] * len(labels)})
        return files

    def archive(self, path: Path, folder: str, files: dict[str, bytes]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"{folder}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return path

    def idx(self, folder: Path, images: Images, packed: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for split, prefix in (("train", "train"), ("test", "t10k")):
            pixels = np.concatenate([np.stack(list_) for list_ in images[split].values()])
            labels = np.repeat(
                np.arange(len(images[split])), [len(x) for x in images[split].values()]
            )
            for name, axes, array in (
                (f"{prefix}-images-idx3-ubyte", 3, pixels[..., 0]),
                (f"{prefix}-labels-idx1-ubyte", 1, labels.astype(np.uint8)),
            ):
                content = bytes((0, 0, 8, axes)) + struct.pack(f">{axes}I", *array.shape)
                content += array.tobytes()
                if packed:
                    (folder / f"{name}.gz").write_bytes(gzip.compress(content))
                else:
                    (folder / name).write_bytes(content)
        return folder

    def _planes(self, classes: dict[str, list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        planes = [
            pixels.transpose(2, 0, 1).reshape(-1)
            for images in classes.values()
            for pixels in images
        ]
        labels = [label for label, images in enumerate(classes.values()) for _ in images]
        return np.stack(planes), np.array(labels)

    def _batches(self, images: Images) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        planes, labels = self._planes(images["train"])
        for number in range(5):
            yield f"data_batch_{number + 1}", planes[number::5], labels[number::5]
        yield "test_batch", *self._planes(images["test"])


class _Python2Pickler(pickle._Pickler):  # the pure Python one; the fast one cannot be changed
    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_text


def python2_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    _Python2Pickler(stream, 2).dump(value)
    return stream.getvalue()
