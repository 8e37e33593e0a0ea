"""Keras models: archives, HDF5 files, and what their configuration names."""
