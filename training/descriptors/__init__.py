"""What is normal for the quantities of ``kb/descriptors.toml``."""
