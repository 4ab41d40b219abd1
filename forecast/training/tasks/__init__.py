"""What a step of training does, one module a kind of network."""
