"""What only a whole repository shows, and secrets."""
