"""Keys for people: shown once, kept as a hash."""

import hashlib

import pytest

from gateway.adapters.config import ConfigInvalid, make_key
from gateway.domain.enums import Role
from tests.config.samples import parse_texts


@pytest.mark.parametrize("role", list(Role))
def test_the_entry_admits_the_key_and_does_not_hold_it(role: Role) -> None:
    """Without it a new key would not open the door, or stand in a file."""
    key, entry = make_key("alice", role.value)
    assert key not in entry
    (principal,) = parse_texts(principals="principals:\n" + entry).principals
    assert (principal.name, principal.role) == ("alice", role)
    assert principal.key_sha256 == hashlib.sha256(key.encode()).hexdigest()


def test_no_two_keys_are_alike() -> None:
    """Without it a key could be guessed from another."""
    assert len({make_key("a", "viewer")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("name", "role", "text"), [("a b", "admin", "must be a name"), ("a", "amdin", "must be one of")]
)
def test_a_name_or_role_that_the_file_would_refuse_is_refused_here(name: str, role: str, text: str) -> None:
    """Without it the printed entry would make the configuration unusable."""
    with pytest.raises(ValueError, match=text):
        make_key(name, role)


@pytest.mark.parametrize("bound", ["accounts", "strategies", "networks"])
def test_a_key_that_is_bound_to_nothing_is_refused(bound: str) -> None:
    """Without it who takes the last account away from a key, and leaves an empty list, would give it all of them."""
    _, entry = make_key("alice", "trader")
    assert getattr(parse_texts(principals="principals:\n" + entry).principals[0], bound) == ()
    with pytest.raises(ConfigInvalid) as caught:
        parse_texts(principals=f"principals:\n{entry.rstrip()}\n    {bound}: []\n")
    (problem,) = caught.value.problems
    assert f"principals[0].{bound} must name at least one of the {bound} that the key may use" in str(problem)
    assert "principals.yaml:5" in str(problem), str(problem)
