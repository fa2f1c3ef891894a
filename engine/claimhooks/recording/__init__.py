"""Exchanges kept for later: what was asked, what came of it, a line of JSON each."""
