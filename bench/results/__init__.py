"""The results of a sweep: rows, raw samples, the journal, and their summary."""
