"""The commands of the benchmark: parse, call, print. Heavy imports happen inside them."""
