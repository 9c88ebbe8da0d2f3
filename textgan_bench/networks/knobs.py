"""The settings of a knob that a generator can draw at."""

from textgan_bench.errors import UserError

COLDEST, HOTTEST = 1e-3, 1e3
"""At the coldest only the likeliest word is drawn, at the hottest every word is as likely. Beyond
them scores overflow when they are divided."""


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that scores cannot be divided by, NaN included.

    Raises:
        UserError: it is out of range.

    >>> check_temperature(0.0)
    Traceback (most recent call last):
    textgan_bench.errors.UserError: a temperature is a number from 0.001 to 1000, not 0.0
    """
    if not COLDEST <= temperature <= HOTTEST:
        raise UserError(
            f"a temperature is a number from {COLDEST:g} to {HOTTEST:g}, not {temperature}"
        )


def check_dropout(rate: float) -> None:
    """Refuse a rate that leaves nothing, or is no probability.

    Raises:
        UserError: it is out of range.

    >>> check_dropout(1.0)
    Traceback (most recent call last):
    textgan_bench.errors.UserError: a rate of dropout is at least 0 and less than 1, not 1.0
    """
    if not 0 <= rate < 1:
        raise UserError(f"a rate of dropout is at least 0 and less than 1, not {rate}")
