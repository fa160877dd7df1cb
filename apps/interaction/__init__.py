"""Molecules and proteins: how strongly they bind, and why."""
