"""What the policy says to a candidate's decision: as recorded, or asked of the candidate's own policies."""

from collections.abc import Callable

from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument
from gateway.domain.reasons import RejectCode

#: Asks policies in this process.
Ask = Callable[[PolicyDocument], PolicyVerdict]

_ASSUMED = PolicyVerdict(is_allowed=True)


class Verdicts:
    """``ask`` are the policies to be asked, if any; ``is_candidate`` True: about every order, whatever was recorded.

    With the enforced policies (``is_candidate`` False) what was recorded stands, and only what was never asked about
    is asked now; without any policies it is taken to be allowed, and counted in ``assumed``.
    """

    def __init__(self, ask: Ask | None = None, *, is_candidate: bool = False) -> None:
        self._ask = ask
        self.is_candidate = is_candidate and ask is not None
        self.assumed = 0
        self.errors = 0
        self.last_error = ""

    def of(self, document: PolicyDocument, recorded: PolicyVerdict | None) -> PolicyVerdict:
        """The verdict on an order; ``recorded`` is the one it got, if it is the same order that was asked about."""
        if recorded is not None and not self.is_candidate:
            return recorded
        if self._ask is None:
            self.assumed += 1
            return _ASSUMED
        try:
            verdict = self._ask(document)
        except Exception as error:
            text = f"the policy failed: {error!r}"
            verdict = PolicyVerdict(is_allowed=False, failure=RejectCode.POLICY_UNAVAILABLE, failure_text=text)
        if verdict.failure is not None and self.is_candidate:
            self.errors += 1
            self.last_error = f"{verdict.failure}: {verdict.failure_text}"
        return verdict
