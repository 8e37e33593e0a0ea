"""Models that skops wrote."""
