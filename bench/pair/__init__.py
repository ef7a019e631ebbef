"""`compare A B`: two arms in turns, series of comparisons, planted slowdowns."""
