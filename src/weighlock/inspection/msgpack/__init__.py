"""MessagePack, in which Flax keeps parameters."""
