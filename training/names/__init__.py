"""Training of the name finder of the Korean pack; docs/names.md describes it."""
