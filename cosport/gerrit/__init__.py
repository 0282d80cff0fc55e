"""What cosport says to Gerrit and hears from it: REST, events, uploads for review."""
