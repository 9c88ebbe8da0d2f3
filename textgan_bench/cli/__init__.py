"""The command line: one file a command, and what its arguments are."""
