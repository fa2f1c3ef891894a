"""Recorded exchanges and samples, run again: what hooks would have done, and what would change."""
