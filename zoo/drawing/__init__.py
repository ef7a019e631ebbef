"""Plots as PNG files, and parts of pages, drawn from plain values."""
