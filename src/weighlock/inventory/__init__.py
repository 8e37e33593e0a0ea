"""What is inside an installation or a model: catalogers over a tree of files, and CycloneDX out."""
