"""Use cases, one file each: where domain packages and edges meet."""
