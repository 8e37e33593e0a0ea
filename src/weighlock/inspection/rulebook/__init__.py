"""Every rule of the inspection, one module a family; nothing here reads files."""
