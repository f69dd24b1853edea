"""Many studies: what is to be read, who reads it, and what came of it."""
