"""The collection of rules: list, get, create, update, enable and disable, delete.

A rule's trigger knows whether the rule is enabled: without that trigger it isn't. Touches nothing
but through the controller."""

from typing import Any, Dict, Optional, Tuple

from gateway import records
from gateway.aside import made
from gateway.clock import now
from gateway.controller import Controller
from gateway.entities import Link, Rule, place_from_path
from gateway.http.messages import Response, text_response
from gateway.refusal import MISSING, Refusal
from gateway.rest import content
from gateway.rest.call import EXISTS, Call, Handler, content_of, handler_of, malformed
from gateway.rest.references import check_collection, check_reach
from gateway.rest.shown import listed, shown

RULES = "rules"
NO_SUCH = "{} /{} does not exist"
NO_TRIGGER = "Only rules with existing triggers can be activated"
NO_STATUS = "key not found: status"
BAD_STATUS = "requirement failed: {} is not a recognized rule state"
STATES = {"active": True, "inactive": False}


class Rules:
    def __init__(self, controller: Controller):
        self._controller = controller
        self._store = controller.store
        self._settings = controller.settings
        self._methods: Dict[str, Handler] = {
            "GET": self._get,
            "PUT": self._put,
            "POST": self._switch,
            "DELETE": self._delete,
        }

    def handler(self, call: Call) -> Optional[Handler]:
        """Who answers it; None where the platform has no such route. Raises Refusal."""
        return handler_of(call, self._list, self._methods)

    async def _list(self, call: Call) -> Response:
        found = self._store.rules_in(call.namespace)
        return await listed(RULES, found, records.json_from_rule, call)

    async def _get(self, call: Call) -> Response:
        rule = self._rule(call)
        return await shown(rule, lambda each: records.json_from_rule(each, self._is_active(rule)))

    async def _put(self, call: Call) -> Response:
        overwrite = call.query.boolean("overwrite", False)
        sent = await made(lambda: content_of(call.request), call.request.size)
        async with self._controller.changing:
            rule, active = await self._kept(call, sent, overwrite)
        return await shown(rule, lambda each: records.json_from_rule(each, active))

    async def _kept(self, call: Call, sent: Any, overwrite: bool) -> Tuple[Rule, bool]:
        """The rule, and whether it is enabled. Raises Refusal."""
        old = self._store.rules.get(call.path)
        place = (call.namespace, call.name)
        settings = self._settings
        rule = await made(
            lambda: content.rule_from_content(sent, place, old, now(), settings),
            call.request.size,
        )
        named = [path for path in (rule.trigger, rule.action) if path]
        check_reach(self._store, call.namespace, named)
        check_collection(self._store, call.path, RULES)
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        content.check_rule(rule)
        self._check_ends(rule)
        active = True if old is None else self._is_active(old)
        # A trigger never starts anything for a rule that isn't kept.
        await self._store.put_rule(rule)
        await self._link(rule, old, active)
        return rule, active

    async def _delete(self, call: Call) -> Response:
        async with self._controller.changing:
            rule = self._rule(call)
            trigger = self._store.triggers.get(rule.trigger)
            if trigger is not None:
                await self._store.put_trigger(trigger.without(rule.path))
            await self._store.delete_rule(rule)
        return await shown(rule, lambda each: records.json_from_rule(each, active=False))

    async def _switch(self, call: Call) -> Response:
        """Enables or disables it."""
        sent = await made(lambda: content_of(call.request), call.request.size)
        active = state_from_content(sent)
        async with self._controller.changing:
            rule = self._rule(call)
            if active != self._is_active(rule):
                trigger = self._store.triggers.get(rule.trigger)
                if trigger is None:
                    raise Refusal(404, NO_TRIGGER)
                link = Link(rule.path, rule.action, active)
                # The rule that was switched last comes last.
                await self._store.put_trigger(trigger.without(rule.path).linked(link))
        return text_response(200, "OK")

    async def _link(self, rule: Rule, old: Optional[Rule], active: bool) -> None:
        former = self._store.triggers.get(old.trigger) if old else None
        if former is not None and former.path != rule.trigger:
            await self._store.put_trigger(former.without(rule.path))
        trigger = self._store.triggers[rule.trigger]
        await self._store.put_trigger(trigger.linked(Link(rule.path, rule.action, active)))

    def _check_ends(self, rule: Rule) -> None:
        """Raises Refusal where there is nothing to link."""
        if rule.trigger not in self._store.triggers:
            raise Refusal(400, NO_SUCH.format("trigger", rule.trigger))
        if self._controller.action_named(*place_from_path(rule.action)) is None:
            raise Refusal(400, NO_SUCH.format("action", rule.action))

    def _is_active(self, rule: Rule) -> bool:
        trigger = self._store.triggers.get(rule.trigger)
        link = trigger.link_of(rule.path) if trigger else None
        return link is not None and link.active

    def _rule(self, call: Call) -> Rule:
        """Raises Refusal."""
        check_collection(self._store, call.path, RULES)
        rule = self._store.rules.get(call.path)
        if rule is None:
            raise Refusal(404, MISSING)
        return rule


def state_from_content(sent: Any) -> bool:
    """Raises Refusal."""
    if not isinstance(sent, dict) or not isinstance(sent.get("status"), str):
        raise malformed(NO_STATUS)
    status = sent["status"]
    if status not in STATES:
        raise malformed(BAD_STATUS.format(status))
    return STATES[status]
