"""Country packs of pure recognizers: text in, spans out."""
