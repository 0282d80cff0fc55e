"""The command line: it parses, wires the rooms together, prints and exits; it decides nothing about backports."""
