"""What a reading is worth: tasks with their measures, report metrics, benchmarks of the field."""
