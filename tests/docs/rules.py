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
    (r"^train transfer --backbone", "--latents-runtime torch --precision fp32"),  # not timed
    # int8 may lose 0.5 points, which of few test images is none; three pages make and measure it.
    (r"^export (?!mlp$|.*--(precision|check|mend))", "--precision fp32"),
    (r"^compare (?!.*\.csv \S+\.csv)", "--seconds 0.2 --instances 2"),
    (r"^compare .*--batch 64", "--batch 4"),
    (r"--repeat \d", "--repeat 1"),
    (r"^bench\b(?!.*--(out|scenario))", "--dry-run"),  # plans the same cells, and refuses the same
    (r"^bench .*--out", "--batch 1"),
    (r"^bench (cnn|mlp-digits) .*--out", "--precision fp32"),
    (r"^bench --out", "mlp --precision fp32"),
    (r"^show .*--image (?!.*--channels)", "--channels 4"),
    (r"^show .*--image", "--sample 16"),
    (r"^verify$", "--exports exports/local"),  # the published cards were measured on 10,000 images
)
# Names that stand for something of the reader's: patterns, up to the end of a word.
INSTEAD = {
    r"\$lr": "0.01",
    r"\$seed": "0",
    r"\bFILE": "backbone.pth",
    "^A": "mlp",
    "^B": "mlp-numpy",
    "onnxruntime,mine": "onnxruntime,mine:Mine",  # the same class, without an entry in the list
}
# In code: the same calls, cut short.
CODE = {
    "bench.Settings(batches": 'bench.Settings(bench.PRESETS["quick"], batches',
    "batches=(1, 8)": "batches=(1,)",
    'zoo.export("cnn", ': 'zoo.export("cnn", precisions=["fp32"], ',
    'bench.run(["cnn"], ': 'bench.run(["cnn"], precisions=["fp32"], settings=',
}
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
}
# On these pages commands do not build on each other: what stands elsewhere, too, is run there.
REPEATING = {
    "docs/explanation/measuring.md",
    "docs/how-to/benchmark.md",
    "docs/reference/published-models.md",
}
# Files that a page says its commands write.
WRITTEN = {"docs/tutorial/first-hour.md": ("samples.png", "results.html")}
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
# Comparisons that end before their processes start: all that they name is found, and fits. Starting
# six processes takes seconds, and those of a framework more. Their like is measured as said.
PLANNED = {
    "compare A B --out pairs.csv": "docs/how-to/compare.md, with --repeat",
    "compare cnn cnn --precision fp32,int8": "docs/tutorial/first-hour.md",
    "compare cnn cnn --precision fp32,int8 --batch 64": "docs/tutorial/first-hour.md",
    "compare cnn cnn --runtime onnxruntime,openvino": "tests/bench/runtimes/test_openvino.py",
    "compare cnn cnn --runtime onnxruntime,torch": "tests/bench/runtimes/test_torch.py",
    "compare cnn cnn --runtime onnxruntime,torch --threads 1": "tests/bench/runtimes/test_torch.py",
    "compare cnn dense": "README.md, with --threads 1",
    "compare cnn-jax cnn-jax --runtime jax,onnxruntime": "tests/bench/runtimes/test_jax.py",
    "compare cnn-keras cnn-keras --runtime keras,onnxruntime": "tests/bench/runtimes/test_keras.py",
    "compare logreg-sklearn logreg-sklearn --runtime sklearn,onnxruntime": (
        "tests/bench/runtimes/test_sklearn.py"
    ),
    "compare model.onnx cnn --mean .485,.456,.406 --std .229,.224,.225": (
        "docs/how-to/compare.md, with mine.onnx"
    ),
}
# Commands that are not run, and where their like is; they are understood all the same. To trace a
# network of Keras, or to start JAX in another process, takes long however little is learned.
ONLY_PARSED = {
    "train cnn-keras --keras-backend jax": "tests/frameworks/keras/test_elsewhere.py",
    "export cnn-keras-cifar10-jax": "tests/frameworks/keras/test_elsewhere.py",
    "export transfer-keras": "tests/transfer/test_keras_transfer.py",
}
# Modules that pages run, and the tests that run them, too.
OF_OTHER_TESTS = {
    "zoo.frameworks.numpy.gradient_check": "tests/frameworks/numpy",
    "bench.results.page": "tests/bench/results/test_page.py",
    "tests.docs.reference": "tests/docs/test_reference.py",
    "pytest": "tests/benchmarks",  # run by tox -e bench
}
