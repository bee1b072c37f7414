"""CALF: a context-aware loss for action spotting (Cioppa et al., CVPR 2020)."""

from common.missing import tell_what_is_missing

tell_what_is_missing()  # the smaller programs here import packages before `common`
