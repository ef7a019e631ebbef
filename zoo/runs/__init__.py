"""A run on disk: its options, its card, its history."""
