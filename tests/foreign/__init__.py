"""Every reader of bytes from outside, as a function of bytes: for tests that try them all."""
