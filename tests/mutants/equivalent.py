"""Mutants that no test can catch, for they do the same, and why: (module, change, reason)."""

EQUIVALENT: tuple[tuple[str, str, str], ...] = ()
