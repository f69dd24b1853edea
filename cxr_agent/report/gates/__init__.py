"""What lets a sentence out: evidence that supports it, and nothing left unsaid."""
