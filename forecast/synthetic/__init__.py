"""Rendered streets and annotated pictures set in motion: exact labels, exact flow."""
