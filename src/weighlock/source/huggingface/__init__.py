"""Models of a Hugging Face hub, by its HTTP API: ``hf:OWNER/NAME[@REVISION][:PATTERNS]``."""
