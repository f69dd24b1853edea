"""Looking at runs in a browser: one as a file, a folder of them on this machine's own address.

Importing this costs next to nothing; what draws and what serves is loaded where it is needed.
"""
