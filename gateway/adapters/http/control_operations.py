"""Paths by which people keep watch and make exceptions: alerts, drop copies, reconciliation, overrides, approvals."""

from gateway.adapters.http.alert_handlers import AcknowledgeAlert, AlertsQuery, AlertsReply, AlertView
from gateway.adapters.http.approval_handlers import ApprovalsReply, ApproveConfig, ApprovedReply
from gateway.adapters.http.auth import Right
from gateway.adapters.http.drop_copy_handlers import CompareExecutions, DropCopyReply
from gateway.adapters.http.operation import ANYTHING, TRADING, Operation, get, post
from gateway.adapters.http.override_handlers import GrantOverride, OverridesReply, OverrideView
from gateway.adapters.http.reconciliation_handlers import AcceptDrift, DriftView, ReconciliationReply, SettleOrder
from gateway.adapters.http.views import OrderView

ALERTS = (
    get(f"{TRADING}/alerts", "alerts", "What is wrong, and the channels that tell it", AlertsReply, query=AlertsQuery),
    post(
        f"{TRADING}/alerts/{{alert_id}}/acknowledge",
        "acknowledge_alert",
        "Take an alert on",
        {200: AlertView},
        needs=Right.CONTROL,
        body=AcknowledgeAlert,
        is_body_required=True,
        route=f"{TRADING}/alerts/{{alert_id:{ANYTHING}}}/acknowledge",
        refusals=(404,),
    ),
)

DROP_COPY = (
    post(
        f"{TRADING}/drop-copy",
        "drop_copy",
        "Compare executions of an independent source with the live book",
        {200: DropCopyReply},
        needs=Right.CONTROL,
        body=CompareExecutions,
        is_body_required=True,
    ),
)

_RECONCILIATION = f"{TRADING}/reconciliation"
RECONCILIATION = (
    get(
        _RECONCILIATION,
        "reconciliation",
        "How the live book agrees with the venues: differences, unknown orders, holdings",
        ReconciliationReply,
        refusals=(403,),
    ),
    post(
        f"{_RECONCILIATION}/accept",
        "accept_drift",
        "Take a difference with a venue as given",
        {200: DriftView},
        needs=Right.CONTROL,
        body=AcceptDrift,
        is_body_required=True,
        refusals=(404, 409, 503),
    ),
    post(
        f"{TRADING}/orders/{{order_id}}/settle",
        "settle_order",
        "Say what became of an order in doubt that its venue says nothing of",
        {200: OrderView},
        needs=Right.CONTROL,
        body=SettleOrder,
        is_body_required=True,
        refusals=(404, 409, 503),
    ),
)

_OVERRIDES = f"{TRADING}/overrides"
OVERRIDES = (
    get(_OVERRIDES, "list_overrides", "Rules that are lifted now, for which orders and by whom", OverridesReply),
    post(
        _OVERRIDES,
        "grant_override",
        "Lift rules for certain orders and a short time",
        {200: OverrideView},
        needs=Right.CONTROL,
        body=GrantOverride,
        is_body_required=True,
        refusals=(409, 503),
    ),
    Operation(
        name="revoke_override",
        method="DELETE",
        path=f"{_OVERRIDES}/{{override_id}}",
        summary="Take an override back",
        needs=Right.CONTROL,
        replies={200: OverrideView},
        refusals=(404,),
    ),
)

CONFIG = (
    get(f"{TRADING}/config/approvals", "list_approvals", "Edits that wait because they loosen limits", ApprovalsReply),
    post(
        f"{TRADING}/config/approvals",
        "approve_config",
        "Let a configuration loosen limits",
        {200: ApprovedReply},
        needs=Right.CONTROL,
        body=ApproveConfig,
        is_body_required=True,
        refusals=(409, 503),
    ),
)

CONTROL_OPERATIONS = (*ALERTS, *DROP_COPY, *RECONCILIATION, *OVERRIDES, *CONFIG)
