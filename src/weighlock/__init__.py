"""Release self-hosted AI models like software: pinned, examined, approved, signed, verified at start."""

__version__ = "0.1.0"
