"""How an arm is called and which calls count: one module per scenario."""
