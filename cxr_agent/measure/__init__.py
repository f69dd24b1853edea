"""Measurements as pure geometry on masks and pixels: no model, no file, no wording.

Masks are (rows, columns) bool at the film's own size. x grows to the right of the picture, which
is the patient's left; y grows downwards. Lengths are pixels unless a name ends in ``_mm``.
"""
