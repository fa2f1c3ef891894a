"""Writing Python: expressions, lines, and the whole file."""
