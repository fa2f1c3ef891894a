"""Hooks by name: a folder, a bundle, or a folder in a git revision, each with its settings."""
