"""A page on which spots are seen in their video, corrected and handed on."""
