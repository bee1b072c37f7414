"""The spots of a run in the files of other tools, and as clips of their videos."""
