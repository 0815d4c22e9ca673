"""Actions, packages, triggers, rules and activations in one SQLite file, which survive the gateway
however it ends.

Touches that file, and a lock beside it, from one thread of its own."""

import asyncio
import fcntl
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, TypeVar

from gateway import activationrecords, records
from gateway.entities import Action, Activation, Firing, Package, Rule, Trigger, path_of
from gateway.http import jsontext
from gateway.refusal import Refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS actions (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS packages (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS triggers (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rules (path TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS activations (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    start INTEGER NOT NULL,
    record TEXT NOT NULL,
    summary TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activations_by_start ON activations (namespace, start);
"""
NEWEST_FIRST = "ORDER BY start DESC, rowid DESC LIMIT ? OFFSET ?"
UNREADABLE = "what it says of {!r} can't be read"
#: In characters: 200 records with their logs could be two gigabytes.
MOST_TEXT = 16 * 1024 * 1024
# Removing what is too old takes as long for many as for one.
PRUNED_EVERY = 100
DELETE_OLDER = "DELETE FROM activations WHERE rowid <= (SELECT max(rowid) FROM activations) - ?"
# The newest stays in any case: somebody may just have been told its id.
DELETE_OLDEST = (
    "DELETE FROM activations WHERE rowid = (SELECT min(rowid) FROM activations)"
    " AND rowid < (SELECT max(rowid) FROM activations)"
)
# SQLite keeps these numbers itself. The room that a record leaves is taken by the next ones: giving
# it back would move pages about each time, for nothing.
USED_BYTES = (
    "SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
INSERT_ACTIVATION = "INSERT INTO activations VALUES (?, ?, ?, ?, ?, ?, ?)"
# Who may write to the folder must not choose which file is made.
LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
#: With which every file of SQLite's begins once there is something in it.
HEADER = b"SQLite format 3\0"
NOT_KEPT = "The data file can't be written to: {}."


Entity = TypeVar("Entity", Action, Package, Trigger, Rule)
Values = Tuple[Any, ...]


class InUse(Exception):
    """Another gateway works with the file."""


class Foreign(Exception):
    """The file is something else's."""


class Selection(NamedTuple):
    """Which activations are meant; `name` may be package/action."""

    namespace: str
    name: Optional[str] = None
    since: Optional[int] = None
    upto: Optional[int] = None
    limit: int = 30
    skip: int = 0


class Store:
    """What is few is kept in memory, too: looking up an action takes no time. Of activations the
    newest `keep` stay, or as many as leave the file within `most_bytes`. What can't be written
    raises Refusal."""

    def __init__(self, path: str, keep: int, most_bytes: int):
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        refuse_foreign(path)
        self._lock = locked(path)
        self._database = self._thread.submit(opened, path).result()
        self._keep = keep
        self._most_bytes = most_bytes
        self._added = 0
        self._thread.submit(self._prune).result()
        self._thread.submit(self._make_room).result()
        self.actions: Dict[str, Action] = self._load("actions", records.action_from_json)
        self.packages: Dict[str, Package] = self._load("packages", records.package_from_json)
        self.triggers: Dict[str, Trigger] = self._load("triggers", records.trigger_from_json)
        self.rules: Dict[str, Rule] = self._load("rules", records.rule_from_json)

    def _load(
        self,
        table: str,
        read: Callable[[Any], Entity],
    ) -> Dict[str, Entity]:
        query = f"SELECT path, record FROM {table}"
        rows = self._thread.submit(self._rows, query, ()).result()
        found = {}
        for path, record in rows:
            try:
                found[path] = read(jsontext.value_from_json(record.encode("utf-8")))
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise ValueError(UNREADABLE.format(path)) from error
        return found

    def close(self) -> None:
        self._thread.submit(self._database.close).result()
        self._thread.shutdown()
        os.close(self._lock)

    # -- all but activations -----------------------------------------------------------

    def collection_of(self, path: str) -> Optional[str]:
        """Where the entity of that name is: the collections of a namespace share their names."""
        collections: Dict[str, Iterable[str]] = {
            "actions": self.actions,
            "packages": self.packages,
            "triggers": self.triggers,
            "rules": self.rules,
        }
        found = (name for name, paths in collections.items() if path in paths)
        return next(found, None)

    def is_current(self, action: Action) -> bool:
        """Not updated or deleted since it was looked up."""
        kept = self.actions.get(action.path)
        return kept is not None and (kept.version, kept.updated) == (action.version, action.updated)

    async def put_action(self, action: Action) -> None:
        await self._in_thread(self._replace, "actions", records.json_from_action, action)
        put_last(self.actions, action)

    async def delete_action(self, action: Action) -> None:
        await self._write("DELETE FROM actions WHERE path = ?", (action.path,))
        self.actions.pop(action.path, None)

    async def put_package(self, package: Package) -> None:
        await self._in_thread(self._replace, "packages", records.json_from_package, package)
        put_last(self.packages, package)

    async def delete_package(self, package: Package) -> None:
        await self._write("DELETE FROM packages WHERE path = ?", (package.path,))
        self.packages.pop(package.path, None)

    async def put_trigger(self, trigger: Trigger) -> None:
        await self._in_thread(self._replace, "triggers", records.json_from_trigger, trigger)
        put_last(self.triggers, trigger)

    async def delete_trigger(self, trigger: Trigger) -> None:
        await self._write("DELETE FROM triggers WHERE path = ?", (trigger.path,))
        self.triggers.pop(trigger.path, None)

    async def put_rule(self, rule: Rule) -> None:
        await self._in_thread(self._replace, "rules", records.json_from_rule, rule)
        put_last(self.rules, rule)

    async def delete_rule(self, rule: Rule) -> None:
        await self._write("DELETE FROM rules WHERE path = ?", (rule.path,))
        self.rules.pop(rule.path, None)

    def actions_in(
        self,
        namespace: str,
        package: Optional[str] = None,
    ) -> List[Action]:
        """The newest first; those of all packages if none is named."""
        found = newest_first(self.actions, namespace)
        return [each for each in found if package is None or each.package == package]

    def packages_in(self, namespace: str) -> List[Package]:
        return newest_first(self.packages, namespace)

    def triggers_in(self, namespace: str) -> List[Trigger]:
        return newest_first(self.triggers, namespace)

    def rules_in(self, namespace: str) -> List[Rule]:
        return newest_first(self.rules, namespace)

    # -- activations ---------------------------------------------------------------------

    async def add_activation(self, activation: Activation, subject: str) -> None:
        await self._in_thread(self._insert, row_from_activation, activation, subject)

    async def add_firing(self, firing: Firing, subject: str) -> None:
        await self._in_thread(self._insert, row_from_firing, firing, subject)

    async def activation(self, namespace: str, activation_id: str) -> Optional[str]:
        """The record's text."""
        query = "SELECT record FROM activations WHERE namespace = ? AND id = ?"
        rows = await self._in_thread(self._rows, query, (namespace, activation_id))
        return rows[0][0] if rows else None

    async def activations(self, selection: Selection, whole: bool) -> List[str]:
        """The texts of the records, or of what lists show of them; the newest first, and no more
        than fit into `MOST_TEXT` once there is one."""
        where, values = condition(selection)
        column = "record" if whole else "summary"
        query = f"SELECT {column} FROM activations WHERE {where} {NEWEST_FIRST}"
        values = (*values, selection.limit, selection.skip)
        texts: List[str] = await self._in_thread(self._texts, query, values)
        return texts

    async def count_activations(self, selection: Selection) -> int:
        where, values = condition(selection)
        query = f"SELECT count(*) FROM activations WHERE {where}"
        rows = await self._in_thread(self._rows, query, values)
        number = int(rows[0][0])
        return max(0, number - selection.skip)

    def _insert(self, row_from: Callable[..., Values], *what: Any) -> None:
        # Long results take their time to write out: in the thread nobody waits for that.
        self._execute(INSERT_ACTIVATION, row_from(*what))
        self._added += 1
        if self._added % PRUNED_EVERY == 0:
            self._prune()
        self._make_room()

    def _prune(self) -> None:
        # Rows are numbered as they come and only the first are ever removed, so their numbers have
        # no gaps. What can't go now goes the next time.
        with suppress(Refusal):
            self._execute(DELETE_OLDER, (self._keep,))

    def _make_room(self) -> None:
        with suppress(Refusal, sqlite3.Error):
            while self._used_bytes() > self._most_bytes and self._execute(DELETE_OLDEST, ()):
                pass

    def _used_bytes(self) -> int:
        return int(self._rows(USED_BYTES, ())[0][0])

    # -- the thread ------------------------------------------------------------------------

    async def _write(self, statement: str, values: Values) -> None:
        await self._in_thread(self._execute, statement, values)

    async def _in_thread(
        self,
        call: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def _replace(self, table: str, json_from: Callable[[Entity], Any], entity: Entity) -> None:
        # Millions of characters take their time to write out, too.
        values = (entity.path, storable(jsontext.compact(json_from(entity))))
        self._execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", values)

    def _execute(self, statement: str, values: Values) -> int:
        """How many rows it has changed."""
        try:
            with self._database:
                return self._database.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise Refusal(500, NOT_KEPT.format(error)) from error

    def _texts(self, query: str, values: Values) -> List[str]:
        found: List[str] = []
        size = 0
        for (text,) in self._database.execute(query, values):
            size += len(text)
            if found and size > MOST_TEXT:
                break
            found.append(text)
        return found

    def _rows(self, query: str, values: Values) -> List[Values]:
        return self._database.execute(query, values).fetchall()


def put_last(kept: Dict[str, Entity], entity: Entity) -> None:
    kept.pop(entity.path, None)
    kept[entity.path] = entity


def newest_first(kept: Dict[str, Entity], namespace: str) -> List[Entity]:
    """Of what was changed in the same millisecond, too."""
    own = [each for each in kept.values() if each.namespace == namespace]
    return sorted(own, key=lambda each: each.updated)[::-1]


def row_from_activation(activation: Activation, subject: str) -> Values:
    action = activation.action
    record = jsontext.compact(activationrecords.json_from_activation(activation, subject))
    summary = jsontext.compact(activationrecords.summary_of_activation(activation))
    path = path_of(action.package, action.name)
    place = (activation.activation_id, action.namespace, action.name, path)
    return (*place, activation.start, storable(record), storable(summary))


def row_from_firing(firing: Firing, subject: str) -> Values:
    trigger = firing.trigger
    record = jsontext.compact(activationrecords.json_from_firing(firing, subject))
    summary = jsontext.compact(activationrecords.summary_of_firing(firing))
    place = (firing.activation_id, trigger.namespace, trigger.name, trigger.name)
    return (*place, firing.start, storable(record), storable(summary))


def storable(text: str) -> str:
    """Without halves of surrogate pairs, which no file can hold."""
    return jsontext.utf8(text).decode("utf-8")


def condition(selection: Selection) -> Tuple[str, Values]:
    parts: List[Tuple[str, Any]] = [("namespace = ?", selection.namespace)]
    if selection.name:
        parts.append(("path = ?" if "/" in selection.name else "name = ?", selection.name))
    if selection.since is not None:
        parts.append(("start >= ?", selection.since))
    if selection.upto is not None:
        parts.append(("start <= ?", selection.upto))
    texts, values = zip(*parts)
    return " AND ".join(texts), values


def refuse_foreign(path: str) -> None:
    """Before anything is done to it, or beside it. Raises Foreign, or OSError."""
    if not os.path.exists(path):
        return
    # A pipe would wait for whoever writes to it.
    if not os.path.isfile(path):
        raise Foreign()
    with open(path, "rb") as file:
        start = file.read(len(HEADER))
    if start not in (b"", HEADER):
        raise Foreign()


def locked(path: str) -> int:
    """Two gateways at one file would not see each other's actions. Raises InUse, or OSError."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    lock = os.open(f"{path}.lock", LOCK_FLAGS, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise InUse() from error
    return lock


def opened(path: str) -> sqlite3.Connection:
    """Written ahead: what is committed is there even after kill -9."""
    # Made before anything is in it: nobody else may read it even for a moment.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    # Nobody else writes to it; whoever does all the same must not hold up the rest for long.
    database = sqlite3.connect(path, timeout=1)
    os.chmod(path, 0o600)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA cache_size = -100")  # kilobytes, where it would take 2,000
    database.executescript(SCHEMA)
    return database
