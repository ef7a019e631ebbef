"""Student's t distribution, from the incomplete beta function: SciPy is no dependency of ours."""

import math
from functools import lru_cache

_TINY = 1e-300  # keeps Lentz's method away from a division by zero
_PRECISION, _MOST_TERMS = 1e-14, 100_000


def t_tail(t: float, df: float) -> float:
    """The probability of a value above `t`, for any number of degrees of freedom above 0."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    both = _incomplete_beta(df / 2, 0.5, df / (df + t * t))
    return both / 2 if t > 0 else 1 - both / 2


@lru_cache(maxsize=1024)
def t_quantile(probability: float, df: float) -> float:
    """The value that is exceeded with 1 - `probability`, which is above one half."""
    low, high = 0.0, 1.0
    while t_tail(high, df) > 1 - probability:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        if t_tail(middle, df) > 1 - probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised one: the share of a beta distribution that lies below `x`."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, 1 - x) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's method (Numerical Recipes, section 6.4)."""
    numerator, denominator = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = denominator
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            denominator = 1 / _away(1 + term * denominator)
            numerator = _away(1 + term / numerator)
            value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
