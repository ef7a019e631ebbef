"""Statistics: percentiles, intervals, paired ratios, tests."""
