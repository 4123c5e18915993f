"""How the weights that this repository ships were made. Nothing that serves imports it."""
