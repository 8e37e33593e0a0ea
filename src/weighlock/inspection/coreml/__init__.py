"""CoreML models and packages."""
