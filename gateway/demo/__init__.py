"""The rehearsal engine, demo provider and supervisor; never imported by what serves."""
