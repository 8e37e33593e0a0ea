"""What the facts mean: every rule with its reason, and the tables that rules judge by."""
