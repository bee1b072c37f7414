"""Looks over a data folder before hours of training are spent on it."""
