"""Where models come from: folders and files, the package index; and how their bytes are digested."""
