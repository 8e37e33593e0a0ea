"""Signed statements: keys and signers, DSSE, in-toto statements, Sigstore bundles, OMS model signatures."""
