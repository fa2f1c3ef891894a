"""The rules for expressions, calls aside."""
