"""Decoding takes bounded memory, however much data there is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 128
FEW, MANY = 150, 1500
MEGABYTE = 1 << 20

# Peak anonymous memory (RssAnon) while a dataset is decoded and then read through once.
PEAK = """
import os, sys, threading
from zoo.data import load

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
done = threading.Event()
peak = 0


def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, anonymous())


watcher = threading.Thread(target=watch)
watcher.start()
before = anonymous()
data = load(sys.argv[1])
total = sum(int(data.train.images[i].sum()) for i in range(len(data.train)))
done.set()
watcher.join()
print([peak - before, data.train.images.nbytes])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="RssAnon is a Linux figure")
def test_ten_times_the_data_take_the_same_memory(make: Any, tmp_path: Path) -> None:
    peaks, sizes = zip(*(measure(make, tmp_path / str(n), n) for n in (FEW, MANY)), strict=True)
    assert sizes[1] == 10 * sizes[0] > 70 * MEGABYTE
    assert peaks[1] - peaks[0] < 8 * MEGABYTE
    assert peaks[1] < sizes[1] / 2


def measure(make: Any, root: Path, count: int) -> tuple[int, int]:
    """(peak bytes of anonymous memory, bytes of training pixels) with `count` images."""
    random = np.random.default_rng(0)
    for number in range(count + 4):
        split = "train" if number < count else "test"
        folder = root / split / ("ant", "bee")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        (folder / f"{number}.bmp").write_bytes(make.encoded(pixels, "bmp"))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    output = subprocess.run(
        [sys.executable, "-c", PEAK, str(root)],
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    ).stdout
    peak, size = json.loads(output)
    return peak, size
