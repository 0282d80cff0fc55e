"""A commit message as a value: read it whole, write it back byte for byte, compose a pick's message, lint it."""
