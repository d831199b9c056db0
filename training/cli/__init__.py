"""The command `python -m training`: begin in `commands`."""
