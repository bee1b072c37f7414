"""From videos to features: frames as the released features took them, networks that see them."""
