"""Baselines that move the last segmentation along the optical flow."""
