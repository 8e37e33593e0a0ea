"""NumPy's array files."""
