"""Annotated data sets, one module each."""
