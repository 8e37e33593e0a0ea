"""Archives and compressed files: their members, and where readers would disagree about them."""
