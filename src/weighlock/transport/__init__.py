"""All that goes over HTTP: who may be asked, with what limits, and how bytes arrive."""
