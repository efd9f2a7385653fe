"""Does this model, on this chip, with this IREE release, still compute the right numbers?"""

__version__ = "0.1.0"
