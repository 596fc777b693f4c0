"""The lab: all that a first try needs, on this machine alone. Nothing but the command line imports it."""
