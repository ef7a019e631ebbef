"""Opening ONNX files of unknown origin: in a process of its own, bounded in time and memory."""
