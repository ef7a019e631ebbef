"""How the commands of the pages are run by a test: each rule in a line, with its reason.

Patterns are looked for in a command as the page has it, without `python cli.py`.
"""

# What takes long is cut short: these words are added. The last value of an option counts.
SHORTER = (
    (r"^train (?!nearest-mean)", "--epochs 1"),
    (r"^train mlp .*--epochs 15", "--epochs 15"),  # the next commands need one that has learned
    (r"^train cnn$", "--epochs 4"),
    (r"^train .*--validate 5000", "--validate 10"),  # the stand-in has 80 training images
    (r"^train .*--weights FILE", "--backbone-size 32"),
    # int8 may lose 0.5 points, which of few test images is none; two pages make and measure it.
    (r"^export (?!mlp$|.*--(precision|check|mend))", "--precision fp32"),
    (r"^compare (?!.*\.csv \S+\.csv)", "--seconds 0.2 --instances 2"),
    (r"^compare .*--batch 64", "--batch 4"),
    (r"--repeat 100", "--repeat 1"),
    (r"^bench\b(?!.*--(out|scenario))", "--dry-run"),  # plans the same cells, and refuses the same
    (r"^bench .*--out", "--batch 1"),
    (r"^bench cnn .*--out", "--precision fp32"),
    (r"^verify$", "--exports exports/local"),  # the published cards were measured on 10,000 images
)
# Names that stand for something of the reader's.
INSTEAD = {
    "$lr": "0.01",
    "$seed": "0",
    "NAME": "mlp",
    "FILE": "backbone.pth",
    "onnxruntime,mine": "onnxruntime,mine:Mine",  # the same class, without an entry in the list
}
# In code: the same call, with the preset that a test makes short.
CODE = {"bench.Settings(batches": 'bench.Settings(bench.PRESETS["quick"], batches'}
# What a page takes for granted, as commands.
BEFORE = {
    "docs/explanation/measuring.md": (
        "bench mlp --precision fp32 --out base.csv",
        "bench mlp --precision fp32 --out new.csv",
        "bench mlp --precision fp32 --out results.csv",
    ),
    "docs/explanation/trust.md": (
        "train mlp --data digits",
        "export mlp",
        "bench mlp --precision fp32 --out results.csv",
    ),
    "docs/how-to/benchmark.md": ("bench mlp --precision fp32 --out results/X.csv",),
    "docs/how-to/cuda.md": ("train mlp",),
    "docs/how-to/int8.md": ("train cnn", "train mlp"),
    "docs/reference/results.md": ("bench mlp --precision fp32 --out results.csv",),
}
# On these pages commands do not build on each other: what stands elsewhere, too, is run there.
REPEATING = {
    "docs/explanation/measuring.md",
    "docs/how-to/benchmark.md",
    "docs/reference/published-models.md",
}
# Commands that end otherwise than with 0: their exit code, and words that they say.
REFUSED = {
    "": (2, "Commands:"),  # `python cli.py` alone
    # The example of the page computes one matrix product.
    "compare cnn cnn --runtime onnxruntime,mine": (3, "one matrix product"),
    "train transfer": (1, "download"),  # tests have no network
    "train transfer --latents-runtime torch --precision fp32": (1, "download"),
    "train transfer-keras": (1, "download"),
    "train transfer-keras --weights inception.weights.h5": (2, "inception.weights.h5"),
}
# Commands that need a GPU: without one they end with 3.
ON_A_GPU = r"--device cuda|--provider (cpu,)?cuda"
# Commands that are not run, and why; they are understood all the same.
ONLY_PARSED: dict[str, str] = {}
# Modules that pages run, and the tests that run them, too.
OF_OTHER_TESTS = {
    "zoo.frameworks.numpy.gradient_check": "tests/frameworks/numpy",
    "pytest": "a benchmark, run by tox -e bench",
}
