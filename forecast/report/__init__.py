"""What a person opens: results and pictures as one self-contained page, JSON and CSV beside it.

Promises the same bytes for the same values, files that are whole or absent, and a page that asks
nothing of the network. Does not know how results came about.
"""
