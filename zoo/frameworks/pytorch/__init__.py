"""PyTorch as a framework: the training loop, its hooks, and conversion to ONNX."""
