"""How figures are measured: arm processes, warm-up, stopping, turns, contention."""
