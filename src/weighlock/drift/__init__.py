"""Baseline against observation: what an installation should be and what it is."""
