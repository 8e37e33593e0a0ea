"""One parser a format: it asks for byte ranges and returns facts."""
