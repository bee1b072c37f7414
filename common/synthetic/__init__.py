"""A miniature SoccerNet: invented games in the official layout, to try everything on."""
