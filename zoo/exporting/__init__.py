"""From a run to published ONNX files: convert, shrink, pass the gate, publish."""
