"""Places on a film by name: from words to codes, and from a code to whoever can outline it."""
