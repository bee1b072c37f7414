"""From videos to features: frames as the released features took them, and networks that see them."""
