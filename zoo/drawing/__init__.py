"""Plots as PNG files, and the map of latents that they show."""
