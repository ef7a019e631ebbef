"""Training: one loop, its hooks, runs on disk, and the test of a finished run."""
