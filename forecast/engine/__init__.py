"""The streaming engine: queues, micro-batches, windows, and faults that arrive in their place."""
