"""Modelfiles and the Go templates of Ollama."""
