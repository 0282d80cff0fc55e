"""The checks, one a module: each has its rules, a function that judges, and a CHECK that ties them together."""
