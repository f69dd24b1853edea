"""Two films of one patient held against each other: laid over one another, and what changed."""
