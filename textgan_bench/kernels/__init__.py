"""What makes a step fast, on a GPU above all; the same numbers come without it."""
