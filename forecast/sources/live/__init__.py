"""Live sources: cameras, network streams, pipes; reconnecting, and honest about time."""
