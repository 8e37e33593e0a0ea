"""FlatBuffers: tables, vectors and texts, each held against the size of the file."""
