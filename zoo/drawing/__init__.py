"""Plots as PNG files, and what they and a page show of a training: plain values."""
