"""Who edits the files may tighten limits at once; to loosen them needs a key with role risk, also across a restart."""

import hashlib

import pytest

from tests.e2e.orders import resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, run_gateway, running
from tests.e2e.test_hot_reload import status_becomes, unwarned, warned
from tests.patience import PATIENCE_S

KEYS = {role: f"{role}-key-0123456789-abcdefghij" for role in ("trader", "risk")}
PATH = "/api/trading/config/approvals"


@pytest.fixture
def tight(site: Site) -> Site:
    """A site where 1500 is the most that one order may be worth; ``resting(quantity=20)`` is worth 2000."""
    site.change("risk.yaml", "max_order_value: 50000", "max_order_value: 1500")
    return site


def give_keys(site: Site, *roles: str) -> None:
    lines = [
        f"  - {{name: {role}-1, role: {role}, key_sha256: {hashlib.sha256(KEYS[role].encode()).hexdigest()}}}"
        for role in roles
    ]
    site.write("principals.yaml", "\n".join(["principals:", *lines, ""]))


async def waiting(api: Api) -> dict[str, object]:
    """What waits for approval, once something does."""

    async def does_wait() -> bool:
        return (await api.fetch(PATH))["waiting"] is not None

    await eventually(does_wait, PATIENCE_S)
    edit: dict[str, object] = (await api.fetch(PATH))["waiting"]
    return edit


def apis(gateway: GatewayProcess) -> tuple[Api, Api]:
    return gateway.api(KEYS["trader"]), gateway.api(KEYS["risk"])


async def test_a_looser_limit_waits_for_a_key_with_role_risk(tight: Site) -> None:
    """Without this, whoever reaches the file could lift every limit (15c3-5: direct and exclusive control)."""
    give_keys(tight, "trader", "risk")
    async with running(tight) as gateway:
        trader, risk = apis(gateway)
        tight.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        edit = await waiting(risk)
        assert edit["looser"] == ["limits.max_order_value 1500 -> 2500"]
        await warned(risk, "waits for approval", "1500 -> 2500", str(edit["revision"]))
        assert "\ngateway_config_waiting 1" in (await risk.get("/metrics")).body
        assert (await trader.place(**resting(quantity=20))).status == 422
        checked = await run_gateway("check-config", tight.config, "--data", tight.data)
        assert checked.status == 1
        assert "needs approval" in checked.output
        assert str(edit["revision"]) in checked.output
        wish = {"revision": edit["revision"], "reason": "more capital"}
        assert (await trader.post(PATH, wish)).status == 403
        assert (await risk.post(PATH, wish)).body["in_force"] is True
        assert (await trader.place(**resting(quantity=20))).status == 201
        await unwarned(risk)
        assert "limits are looser now (risk-1: more capital)" in gateway.log

        # What only tightens needs nobody.
        tight.change("risk.yaml", "max_order_value: 2500", "max_order_value: 1250")
        await status_becomes(trader, 422, resting("s2", quantity=20), code="MAX_ORDER_VALUE")
        # And the approval was for once.
        tight.change("risk.yaml", "max_order_value: 1250", "max_order_value: 2500")
        await waiting(risk)


async def test_an_unapproved_file_does_not_pass_by_a_restart(tight: Site) -> None:
    """Without this, a restart would be the way around the approval; and a demotion in the same file would be lost."""
    give_keys(tight, "trader", "risk")
    tight.set_modes("CANARY", ibkr=("SHADOW", 0))
    async with running(tight) as gateway:
        gateway.kill()
        tight.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        tight.merge("gateway.yaml", {"modes": {"global": "SHADOW"}})
        gateway.spawn()
        await gateway.ready()
        trader, risk = apis(gateway)
        modes = await risk.fetch("/api/trading/modes")
        assert modes["global_mode"] == "SHADOW"
        edit = await waiting(risk)
        assert (await trader.place(**resting(quantity=20))).status == 422
        # Approved, and down before it could take effect: the approval is on record.
        tight.change("risk.yaml", "max_order_value: 2500", "max_order_value: 1500")
        await unwarned(risk)
        assert (await risk.post(PATH, {"revision": edit["revision"], "reason": "r"})).body["in_force"] is False
        gateway.kill()
        tight.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        gateway.spawn()
        await gateway.ready()
        trader, risk = apis(gateway)
        assert (await trader.place(**resting(quantity=20))).status == 201
        assert (await risk.fetch(PATH)) == {"waiting": None, "approvals": []}


async def test_what_lowers_risk_does_not_wait_with_what_loosens(tight: Site) -> None:
    """Without this, an emergency edit of the modes or of the keys would wait for somebody's approval of a limit."""
    give_keys(tight, "trader", "risk")
    tight.set_modes("CANARY", ibkr=("SHADOW", 0))
    async with running(tight) as gateway:
        trader, risk = apis(gateway)
        tight.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        await waiting(risk)
        tight.merge("gateway.yaml", {"modes": {"global": "SHADOW"}})
        give_keys(tight, "risk")

        async def is_lowered() -> bool:
            return (await risk.fetch("/api/trading/modes"))["global_mode"] == "SHADOW"

        await eventually(is_lowered, PATIENCE_S)
        await eventually(lambda: _is_refused(trader), PATIENCE_S)
        edit = await waiting(risk)
        assert edit["looser"] == ["limits.max_order_value 1500 -> 2500"]
        # The last key that could approve does not go by an edit.
        tight.write("principals.yaml", "principals: []\n")
        await warned(risk, "principals.yaml", "last key")


async def _is_refused(api: Api) -> bool:
    return (await api.get("/api/trading/orders")).status == 401


async def test_without_keys_the_owner_of_the_files_decides(tight: Site) -> None:
    """Without this, a development gateway could not be used; and its journal would not say that limits were lifted."""
    async with running(tight) as gateway:
        api = gateway.api()
        tight.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        await status_becomes(api, 201, resting(quantity=20))
        assert "limits are looser now (config-file: loosened by who owns the files" in gateway.log
