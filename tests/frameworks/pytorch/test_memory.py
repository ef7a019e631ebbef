"""Memory, measured in child processes: flat while the data grows, smaller with sub-batches."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")

# Trains some steps on a memory-mapped file and prints its highest anonymous memory in MiB.
CHILD = """
import json, re, sys
from pathlib import Path
import numpy as np
import torch
from zoo.specs.catalog import find_model
from zoo.specs.recipe import Recipe
from zoo.machine.devices import keep_freed_memory
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Hook, Trainer

path, model, count, batch, parts, steps = *sys.argv[1:3], *map(int, sys.argv[3:])
torch.set_num_threads(1)
images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 32, 32, 3))
for start in range(0, count, 1000):
    images[start : start + 1000] = start % 256
images.flush()
del images
peak = 0.0

class Watch(Hook):
    def stepped(self, trainer):
        global peak
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(re.search(r"RssAnon:\\s+(\\d+) kB", status)[1]) / 1024)
        if trainer.step == steps:
            import resource
            rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"anonymous": peak, "resident": rss}))
            sys.exit()

keep_freed_memory()
job = Job(
    network=find_model(model).build((32, 32, 3), 10),
    recipe=Recipe(epochs=50, quick_epochs=1, batch=batch, lr=1e-3, shift=2),
    images=torch.from_numpy(np.load(path, mmap_mode="c")),
    labels=torch.arange(count) % 10,
    indices=torch.arange(count),
    mean=(0.5,) * 3,
    std=(0.25,) * 3,
    device=torch.device("cpu"),
    sub_batches=parts,
)
Trainer(job, [Watch()]).fit()
"""


def peak(
    folder: Path, model: str, count: int, batch: int, parts: int = 1, steps: int = 12
) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, str(folder / f"{count}.npy"), model]
    command += [str(number) for number in (count, batch, parts, steps)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def test_anonymous_memory_stays_flat_while_the_data_grows_tenfold(tmp_path: Path) -> None:
    small = peak(tmp_path, "mlp", 8_000, 256)
    large = peak(tmp_path, "mlp", 80_000, 256)
    images = 72_000 * 32 * 32 * 3 / 2**20  # 211 MiB more of them
    # What grows is labels and the epoch's draws, about 50 bytes an image.
    assert large["anonymous"] - small["anonymous"] < 0.1 * images


def test_sub_batches_lower_the_peak(tmp_path: Path) -> None:
    whole = peak(tmp_path, "cnn", 1_024, 512, steps=3)
    split = peak(tmp_path, "cnn", 1_024, 512, parts=8, steps=3)
    # The activations of 512 images take most of the memory; an eighth of them is left.
    assert split["anonymous"] < 0.6 * whole["anonymous"]
