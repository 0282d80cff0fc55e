"""CVE records, indexed by the commits that they name, and the state of a CVE in a branch, decided by commits."""
