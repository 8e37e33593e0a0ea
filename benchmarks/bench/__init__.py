"""What several benchmarks share: a server of large files, a link that loses packets, costs of commands."""
