"""The nouns and their grammar. Standard library only, no I/O."""
