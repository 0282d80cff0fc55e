"""The static site: which fix stands where, how it got there and how that is known, in pages that need no server."""
