"""The small network, whose graph is rewritten here."""

from tests.networks import converted, converted_once, images, net

__all__ = ["converted", "converted_once", "images", "net"]
