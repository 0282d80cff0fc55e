"""The record of each commit: what was learned about it, kept beside it in git notes, read by every later stage."""
