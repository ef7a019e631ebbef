"""How sure a number is: percentiles, intervals, paired ratios, tests."""
