"""CALF: a context-aware loss for action spotting (Cioppa et al., CVPR 2020)."""
