"""How an arm is called, and what its calls amount to: one module a scenario."""
