"""What every test of the venues begins with."""

import decimal

import pytest


@pytest.fixture(autouse=True)
def decimals_as_python_has_them() -> None:
    """ccxt changes the decimal context of whoever calls it: a test that used it raw must not decide another's."""
    decimal.setcontext(decimal.DefaultContext.copy())
