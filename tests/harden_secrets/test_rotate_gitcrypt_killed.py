"""Real processes that rotate a git-crypt key, killed at boundaries and at random moments."""

import os
import random

import pytest

from tests.harden_secrets.gitcrypt_scene import Estate, estate

__all__ = ["estate"]

pytestmark = pytest.mark.kernel

KILLED = -9
RANDOM_KILLS = int(os.environ.get("HARDEN_TEST_KILLS", "5"))


def test_killed_at_every_third_boundary(estate: Estate) -> None:
    """After each kill exactly one key that is kept opens both branches; the next call goes on."""
    number = 0
    while True:
        number += 3
        status = estate.host.harden("rotate", "infra", kill_at=number)
        estate.check()
        if status == 0:
            break
        assert status == KILLED, estate.host.said[-1]
    assert number > 9
    estate.check_end()


def test_killed_at_random_moments(estate: Estate) -> None:
    """Whatever it was doing. HARDEN_TEST_KILLS says how often; once it was 200."""
    kills = 0
    while kills < RANDOM_KILLS:
        status = estate.host.harden("rotate", "infra", kill_in=random.uniform(0.3, 2.5))
        kills += status == KILLED
        assert status in (0, KILLED), estate.host.said[-1]
        estate.check()
    estate.host.finish("rotate", "infra")
    estate.check_end()
