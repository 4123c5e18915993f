"""One file per command of the gwanmun command line."""
