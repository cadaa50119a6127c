"""Keys for people: shown once, kept as a hash."""

import hashlib

import pytest

from gateway.adapters.config import make_key
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
