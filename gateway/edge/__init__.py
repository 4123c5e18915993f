"""Where a surface meets the line: arrival, the answer that owns a call, connections, observing."""
