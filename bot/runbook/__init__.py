"""Runbooks: what to ask on the affected server, how to read the answers, what to offer."""
