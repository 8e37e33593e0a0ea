"""The client side of OCI registries: distribution-spec v1.1, and Docker's token flow beside it."""
