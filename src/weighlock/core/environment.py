"""The environments: the stages of promotion. Each has a store, keys and a log of its own."""

from typing import Final

EXPERIMENTATION: Final = "experimentation"  # quarantine: what was pulled, and what is known of it
PRODUCTION: Final = "production"  # what was released
ENVIRONMENTS: Final = (EXPERIMENTATION, PRODUCTION)
