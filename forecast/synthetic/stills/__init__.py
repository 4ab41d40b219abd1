"""Annotated stills set in motion: clips whose every frame is labelled, for training."""
