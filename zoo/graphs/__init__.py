"""ONNX graphs rewritten: what is folded, padded or added before a file is made of them."""
