"""MaxPool and NetVLAD (Giancola et al., CVPR Workshops 2018)."""
