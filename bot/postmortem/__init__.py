"""The postmortem: an incident becomes a draft, a picture and a record.

Pure, but for `publish`, which writes the folder.
"""
