"""Spots of a game as people see, correct and hand them on: single moments with their labels."""
