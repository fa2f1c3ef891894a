"""The rules for statements, and for calls that decide what happens next."""
