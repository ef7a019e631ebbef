"""The exports/ folder: its manifest, cards and hashes, read and published."""
