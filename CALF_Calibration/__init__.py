"""CALF with the players on a top view of the pitch (Cioppa et al., CVPR Workshops 2021)."""

from common.missing import tell_what_is_missing

tell_what_is_missing()  # the smaller programs here import packages before `common`
