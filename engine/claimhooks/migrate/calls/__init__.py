"""The rules for functions and calls."""
