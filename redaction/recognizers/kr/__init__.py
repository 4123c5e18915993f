"""The Korean pack: one file per kind of personal datum."""
