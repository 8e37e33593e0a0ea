"""From candidate to release: the records, approvals, and the environment's signed state. No I/O."""
