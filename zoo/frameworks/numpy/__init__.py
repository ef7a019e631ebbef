"""A multilayer perceptron from scratch, in numpy: see docs/mlp-from-scratch.md."""
