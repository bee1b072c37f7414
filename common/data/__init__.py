"""From disk to arrays: games, classes, annotations, features. Knows no network."""
