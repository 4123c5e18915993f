"""Wire models per API, and the lists of texts inside them; pure translation, no input or output."""
