"""safetensors files and their indexes."""
