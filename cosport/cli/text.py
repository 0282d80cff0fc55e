"""Makes foreign text safe to print; it lives with the nouns, since documents for other tools need it too."""

from cosport.model.text import safe

__all__ = ["safe"]
