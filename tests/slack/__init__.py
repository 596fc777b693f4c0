"""Slack's side of the tests."""
