"""Evidence in, decision out. No I/O."""
