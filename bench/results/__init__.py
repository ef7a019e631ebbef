"""What a sweep leaves: rows, raw samples, the journal, and their summary."""
