"""Mutants that no test should catch, and why: (module, change, reason).

They do the same, or move a number that only has to be about so large.
"""

_GENEROUS = "a generous limit: nobody gets near it"

EXCUSED: tuple[tuple[str, str, str], ...] = (
    (
        "bench/measuring/stopping.py",
        "Length: least_calls: int = 50 -> least_calls: int = 51",
        "a choice, which every test that depends on it makes itself",
    ),
    (
        "bench/measuring/stopping.py",
        "Length: block_seconds: float = 0.1 -> block_seconds: float = 0.2",
        "a choice, which every test that depends on it makes itself",
    ),
    (
        "bench/regression/speed.py",
        "module: _KNOWN = 1000000.0 -> _KNOWN = 2000000.0",
        "as many degrees of freedom as make no difference",
    ),
    (
        "bench/regression/speed.py",
        "_word: found.low or 0 -> found.low or 1",
        "1 is no more than 1 + allowed either",
    ),
    (
        "bench/stats/stats.py",
        "least_samples: high * 2 -> high * 3",
        "halvings find the same number from any bracket",
    ),
    (
        "bench/stats/stats.py",
        "_ends: np.clip(t_interval(np.log(medians)), -700, 700)"
        " -> np.clip(t_interval(np.log(medians)), -700, 701)",
        "a float holds e to the 701 as well, and neither is a time",
    ),
    (
        "bench/stats/stats.py",
        "_resampled_medians: at + 1 -> at + 2",
        "the median is found in the first half of a piece twice as long",
    ),
    (
        "bench/stats/stats.py",
        "mcnemar: tail * 1e-17 -> tail * 2e-17",
        "neither term changes what a float shows",
    ),
    ("zoo/artifacts/publishing.py", "module: 64 << 20 -> 65 << 20", _GENEROUS),
    ("zoo/artifacts/publishing.py", "module: 64 << 20 -> 64 << 21", _GENEROUS),
    (
        "zoo/files.py",
        "sweep: missing_ok=True -> missing_ok=False",
        "an OSError is suppressed around it",
    ),
    ("zoo/marks.py", "module: _HEAD = 4096 -> _HEAD = 4097", _GENEROUS),
    ("zoo/marks.py", "module: 1 << 26 -> 2 << 26", _GENEROUS),
    ("zoo/marks.py", "module: 1 << 26 -> 1 << 27", _GENEROUS),
)
