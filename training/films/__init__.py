"""Labelled films of many sets: read, freed of duplicates, split by patient, augmented."""
