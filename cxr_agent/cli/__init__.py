"""The command line: a thin shell over the public API, one file per command group."""
