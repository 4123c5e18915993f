"""One file per API surface: each translates its wire into one Call and the parts back."""
