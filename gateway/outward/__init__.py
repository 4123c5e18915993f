"""The only HTTP that the gateway itself sends outwards."""
