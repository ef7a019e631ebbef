"""A multilayer perceptron from scratch, in numpy: see docs/tutorial/mlp-from-scratch.md."""
