"""Tree ensembles and other small formats."""
