"""The commands of the zoo: parse, call, print. Heavy imports happen inside them."""
