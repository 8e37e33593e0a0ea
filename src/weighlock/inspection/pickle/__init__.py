"""Pickles: what a stream would import, call and change, found without running it."""
