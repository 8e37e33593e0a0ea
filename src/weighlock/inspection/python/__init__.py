"""Python source, compiled Python and notebooks: what runs when they are imported, and what they reach."""
