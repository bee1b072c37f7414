"""NetVLAD++ and its family (Giancola and Ghanem, CVPR Workshops 2021)."""
