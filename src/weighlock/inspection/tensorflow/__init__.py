"""TensorFlow: SavedModel, frozen graphs, checkpoints and TFLite."""
