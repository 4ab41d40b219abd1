"""The parts of `forecast stream`."""
