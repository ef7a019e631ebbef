"""The small network, whose graph is rewritten here."""

from tests.networks import converted, converted_once, net, pictures

__all__ = ["converted", "converted_once", "net", "pictures"]
