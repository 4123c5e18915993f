"""The only SQL: tables, one file per store, the border between dialects."""
