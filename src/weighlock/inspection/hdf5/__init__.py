"""HDF5 files: every object, link and attribute, found without reading arrays."""
