"""Learning: clips to learn from, losses, and a loop that survives being killed.

Knows no network by name: a `Task` brings its network and says what a batch costs.
"""
