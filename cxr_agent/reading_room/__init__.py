"""The page on this machine's own address: drop a film, watch, read, ask, correct, take away.

Importing this costs next to nothing; what serves is loaded where it is needed.
"""
