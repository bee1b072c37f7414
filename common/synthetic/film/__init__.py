"""The match simulation as a broadcast: plays, cuts, pictures, video files."""
