"""How well and how fast personal data is found: generated and written texts, a scorer, rivals."""
