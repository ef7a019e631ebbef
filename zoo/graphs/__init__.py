"""Rewriting ONNX graphs: folding, padding and adding outputs."""
