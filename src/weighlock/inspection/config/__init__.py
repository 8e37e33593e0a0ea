"""JSON configuration of models."""
