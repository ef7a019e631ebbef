"""Colours that every kind of colour vision can distinguish, for PNG plots and pages.

A drawing names a colour by its slot; the actual colour depends on the background.
"""

# 3:1 or more against the ground; the last is for what has no colour of its own.
ON_LIGHT = (
    *("#0072b2", "#c24e00", "#007a5a", "#a8447f", "#856200", "#5a4fb0"),
    *("#2a7f9e", "#6b7178"),
)
ON_DARK = (
    *("#56b4e9", "#ff8a4c", "#2fc49b", "#e69ac8", "#e0b02e", "#aca5ff"),
    *("#8fd0e0", "#9aa2aa"),
)
QUIET_ON_LIGHT, QUIET_ON_DARK = "#cdd3d9", "#454d55"  # what lies behind, unnamed
BLUE, ORANGE = 0, 1  # slots of two that are held against each other
