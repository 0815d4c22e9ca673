"""The HTTP statuses of activations, which the platform's lists haven't. Touches the store.

Each record is read once, however often the page asks, and for a moment at a time: those that are
still missing then come the next time."""

import asyncio
from typing import Dict, List, Optional

from gateway.aside import made
from gateway.page import facts
from gateway.store import Store

SECONDS = 0.05
MOST_KEPT = 2000


class Codes:
    def __init__(self, store: Store, namespace: str):
        self._store = store
        self._namespace = namespace
        self._known: Dict[str, Optional[int]] = {}

    async def of(self, activation_ids: List[str]) -> Dict[str, int]:
        """Those that are known by now; many an activation has none."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        for each in activation_ids:
            if each not in self._known and loop.time() < end:
                self._keep(each, await self._read(each))
        codes = {each: self._known.get(each) for each in activation_ids}
        return {each: code for each, code in codes.items() if code is not None}

    async def _read(self, activation_id: str) -> Optional[int]:
        text = await self._store.activation(self._namespace, activation_id)
        if text is None:
            return None
        record = text
        return await made(lambda: facts.code_from_record(record), len(record))

    def _keep(self, activation_id: str, code: Optional[int]) -> None:
        self._known[activation_id] = code
        if len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
