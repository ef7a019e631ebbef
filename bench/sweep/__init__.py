"""The matrix of cells, and running, keeping and resuming them."""
