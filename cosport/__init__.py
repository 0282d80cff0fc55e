"""cosport backports upstream kernel fixes to many stable branches, with evidence for every answer."""

__version__ = "0.1.0"
