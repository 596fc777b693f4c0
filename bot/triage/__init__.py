"""What an alert means: to which incident it belongs or whether it opens one, by which rule, about which server.

Decisions are pure and name their reason; bot/intake.py writes them down.
"""
