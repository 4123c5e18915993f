"""The tamper-evident record: events, writer, sealer, receipts."""
