"""Tree, notes and offline verification; standard library and cryptography only."""
