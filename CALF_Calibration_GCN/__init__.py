"""CALF with the players of a frame as a graph (Cioppa et al., CVPR Workshops 2021)."""
