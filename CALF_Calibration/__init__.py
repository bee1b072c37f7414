"""CALF with the players on a top view of the pitch (Cioppa et al., CVPR Workshops 2021)."""
