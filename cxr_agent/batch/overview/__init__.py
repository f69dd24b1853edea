"""What a whole batch looks like: distributions, outliers, failures, time, and drift."""
