"""Where Python raises, the answer of IEEE 754, which is PyTorch's."""

import math

import pytest
import torch

from chainrule.ieee import divide, exp, log, power

NUMBERS = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 1e200, -1e200)
NUMBERS += (math.inf, -math.inf, math.nan)
PAIRS = [(x, y) for x in NUMBERS for y in NUMBERS]


def of(x):
    return torch.tensor(x, dtype=torch.float64)


def same(ours, theirs):
    """Say whether two numbers are equal, signs of zero and `nan` included."""
    if math.isnan(theirs):
        return math.isnan(ours)
    close = math.isclose(ours, theirs, rel_tol=1e-14)
    return close and math.copysign(1, ours) == math.copysign(1, theirs)


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_division_of_any_two_numbers_is_that_of_torch(x, y):
    assert same(divide(x, y), (of(x) / of(y)).item())


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_any_power_of_any_number_is_that_of_torch(x, y):
    assert same(power(x, y), torch.pow(of(x), of(y)).item())


@pytest.mark.parametrize("x", [*NUMBERS, 709.0, 709.79, 1000.0, -1000.0])
def test_the_exponential_of_any_number_is_that_of_torch(x):
    assert same(exp(x), of(x).exp().item())


@pytest.mark.parametrize("x", [*NUMBERS, 5e-324])
def test_the_logarithm_of_any_number_is_that_of_torch(x):
    assert same(log(x), of(x).log().item())


@pytest.mark.parametrize(
    "raises",
    [
        lambda: 1.0 / 0.0,
        lambda: math.log(0.0),
        lambda: math.pow(0.0, -1.0),
        lambda: math.pow(-1.0, 0.5),
        lambda: math.exp(1000.0),
    ],
)
def test_python_raises_at_each_of_them(raises):
    with pytest.raises((ArithmeticError, ValueError)):
        raises()
