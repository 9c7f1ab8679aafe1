"""Runs one submission in its own isolated kernel, within limits."""
