"""ONNX Runtime: providers, sessions, and the inputs and outputs of a classifier."""
