"""What experts and admins do at the front desk: decide what waits for them, and let a policy govern."""

from __future__ import annotations

from typing import Final, Literal

import trio

from actors.desk.admission import Admissions, Caller, Refusal
from actors.kernel import Ref, System
from actors.session.messages import Admit, Operation
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.messages import (
    Activate,
    ChangeOutcome,
    Decide,
    Forget,
    ListPending,
    PendingApproval,
    PendingPage,
    Propose,
    Remember,
)
from actors.speed_layer.policy.rule_tables import Layer

ACTIVATION_S: Final = 30.0
"""How long compiling and activating a policy may take, in seconds."""


class ExpertActions:
    """Passes decisions on. Every coroutine is a checkpoint and may raise the kernel's `ActorError`s.

    Args:
        system: Where the actors are found.
        admissions: Admits requests.
    """

    def __init__(self, system: System, admissions: Admissions) -> None:
        self._admissions = admissions
        self._speed_layer = Ref(system, SPEED_LAYER)

    async def pending_approvals(self, caller: Caller, after: int = 0, limit: int = 100) -> PendingPage:
        """Return a page of what waits for a decision, the oldest first.

        Args:
            caller: An expert or admin.
            after: What the page before gave as `next`.
            limit: How many at most.

        Raises:
            Refusal: The caller may not decide.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "decide"))
        return await self._speed_layer.ask(ListPending(after, limit))

    async def pending_approval(self, caller: Caller, approval: str) -> PendingApproval:
        """Return one that waits for a decision, with all of its input.

        Raises:
            Refusal: The caller may not decide, or it is not pending.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "decide"))
        page = await self._speed_layer.ask(ListPending(id=approval))
        if not page.approvals:
            raise Refusal("invalid", f"no approval {approval!r} is pending; list those that are")
        return page.approvals[0]

    async def decide(
        self,
        caller: Caller,
        approval: str,
        decision: Literal["allow", "deny"],
        reason: str = "",
        remember: Remember = "no",
    ) -> Verdict:
        """Decide a pending approval; returns what those who wait are told, once it is durable.

        Raises:
            Refusal: The caller may not decide, not this one, not make a rule of it, or it is not pending.
        """
        began = trio.current_time()
        operation: Operation = "activate" if remember == "rule" else "decide"
        await self._admissions.admit(caller, Admit(caller.connection, operation))
        agent = caller.principal.agent
        outcome = _carried_out(await self._speed_layer.ask(Decide(approval, decision, agent, reason, remember)))
        assert outcome.answer is not None
        ruling = outcome.answer.ruling
        return Verdict(
            verdict=ruling.verdict,
            reason=ruling.reason,
            rule=ruling.rule,
            policy=outcome.policy,
            cached=False,
            request=outcome.request,
            elapsed_us=round((trio.current_time() - began) * 1e6),
            approval=outcome.answer.approval,
        )

    async def propose_rule(self, caller: Caller, approval: str) -> str:
        """Return which commands a decision would be for that is remembered as a rule.

        Raises:
            Refusal: The caller is no admin, it is not pending, or no rule can be made of it.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "activate"))
        return _carried_out(await self._speed_layer.ask(Propose(approval))).message

    async def forget_decision(self, caller: Caller, approval: str) -> str:
        """Let a remembered decision hold no longer; returns the version of the policy that governs then.

        Raises:
            Refusal: The caller is no admin, or nothing is remembered of that approval.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "activate"))
        return _carried_out(await self._speed_layer.ask(Forget(approval, caller.principal.agent))).policy

    async def activate_policy(self, caller: Caller, name: str, text: str, sha256: str, layer: Layer) -> str:
        """Let a policy's text govern as a layer; returns the version that governs then.

        Args:
            caller: An admin.
            name: What errors call the text.
            text: The policy, as TOML.
            sha256: The hash of the text, in hexadecimal digits.
            layer: Which layer it becomes, in place of what that was.

        Raises:
            Refusal: The caller is no admin, or the policy cannot be used: then the old one governs on.
        """
        await self._admissions.admit(caller, Admit(caller.connection, "activate"))
        message = Activate(name, text, sha256, layer, caller.principal.agent)
        return _carried_out(await self._speed_layer.ask(message, timeout_s=ACTIVATION_S)).policy


def _carried_out(outcome: ChangeOutcome) -> ChangeOutcome:
    if outcome.code is not None:
        raise Refusal(outcome.code, outcome.message)
    return outcome
