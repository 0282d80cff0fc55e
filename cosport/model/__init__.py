"""The nouns that all rooms share. Pure values: nothing here opens, runs or prints anything."""
