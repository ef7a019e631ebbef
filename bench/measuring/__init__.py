"""How a figure comes about: arm processes, warm-up, stopping, turns, evidence of contention."""
