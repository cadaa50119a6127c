"""What the clock of the rollouts knows of the approvals that it looks at."""

from gateway.core.rollout.digest import evidence_hash
from gateway.domain.enums import Mode, Role
from gateway.domain.orders import Actor
from gateway.service.rollouts import RolloutDesk
from tests.service.desk import desk

RITA = Actor("rita", Role.RISK)


async def test_an_approval_ends_with_the_policies_that_it_was_given_under() -> None:
    """Without this, policies that were edited and taken back again would leave the approval as it was: it is a word on
    what was known and in force, and ends with it for good."""
    policies = ["policy-1"]
    async with desk(Mode.CANARY) as one:
        rollouts = RolloutDesk(one.engine, one.clock, lambda: policies[0])
        venue = next(iter(one.engine.state.config.venues))
        evidence = evidence_hash(one.engine.state, venue, "policy-1")
        await rollouts.approve(venue, "later", evidence, RITA, "reviewed")
        rollouts.tick()
        assert one.engine.state.rollouts[venue].approval is not None
        policies[0] = "policy-2"
        rollouts.tick()
        policies[0] = "policy-1"
        assert one.engine.state.rollouts[venue].approval is None
