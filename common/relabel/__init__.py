"""Corrected spots as labels that train and score."""
