"""The HTTP service: pipeline, APIs, pages, ledger, policies."""
