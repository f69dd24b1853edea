"""Bad input over every stage, and unusual files that are right."""
