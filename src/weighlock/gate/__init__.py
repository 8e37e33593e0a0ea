"""Workloads, compose files and Dockerfiles in, decisions out. Nothing here does I/O.

Only a digest is believed. What a workload says about itself in annotations, labels
and names is a claim by whoever wrote it (rule of trust 3), so it is not even read.
"""
