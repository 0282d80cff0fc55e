"""Release notes: what a range of commits really changes, which CVEs that fixes, and how both are told."""
