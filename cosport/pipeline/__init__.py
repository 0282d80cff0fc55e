"""Pipelines: a file of jobs becomes a graph, which is run here or on a cluster, with a journal as the truth."""
