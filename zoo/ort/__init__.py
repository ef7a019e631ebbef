"""ONNX Runtime: its providers, its sessions, and what a classifier takes and gives."""
