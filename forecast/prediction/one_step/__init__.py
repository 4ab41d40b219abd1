"""Autoregressive networks: one stride at a time, fed their own output."""
