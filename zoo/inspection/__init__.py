"""Open third-party ONNX files in a separate process with limited time and memory."""
