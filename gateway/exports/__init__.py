"""Records on their way out: files for officers, lines for other systems, and what proves them."""
