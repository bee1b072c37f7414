"""Dense anchors with displacement (Soares, Shah and Biswas, ICIP 2022)."""
